package org.djlresnet.engine;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;

import ai.djl.engine.Engine;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import ai.djl.training.GradientCollector;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

@Tag("engine")
class EngineTraitsTest {

    private static final float[] WILD = {
        Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY, 0, -3, Float.MIN_VALUE
    };

    @BeforeAll
    static void disableRecording() {
        EngineTraits.of(Engine.getInstance()).disableRecording();
    }

    @Test
    void returnsZerosForAnyArray() {
        try (NDManager manager = NDManager.newBaseManager()) {
            NDArray array = manager.create(WILD, new Shape(2, 3));
            assertArrayEquals(new float[6], EngineTraits.zerosInOrderOf(array).toFloatArray());
            assertArrayEquals(WILD, array.toFloatArray());
        }
    }

    @Test
    void assignsOverAnyValues() {
        try (NDManager manager = NDManager.newBaseManager()) {
            NDArray target = manager.create(WILD, new Shape(2, 3));
            float[] values = {1, -2, Float.NaN, Float.NEGATIVE_INFINITY, 1e-40f, 0.1f};
            NDArray source = manager.create(values, new Shape(2, 3));
            EngineTraits.of(manager.getEngine()).assign(target, source);
            assertArrayEquals(values, target.toFloatArray());
            assertArrayEquals(values, source.toFloatArray());
        }
    }

    @Test
    void assignedParametersGetGradientsOnRecordingThread() throws Exception {
        ExecutorService fresh = Executors.newSingleThreadExecutor();
        try {
            float[] gradient =
                    fresh.submit(EngineTraitsTest::gradientAfterAssigning).get(1, TimeUnit.MINUTES);
            assertArrayEquals(new float[] {2, 3}, gradient);
        } finally {
            fresh.shutdown();
        }
    }

    private static float[] gradientAfterAssigning() {
        try (NDManager manager = NDManager.newBaseManager()) {
            NDArray source = manager.create(new float[] {5, 7});
            source.setRequiresGradient(true);
            NDArray target = manager.create(new float[] {1, 1});
            target.setRequiresGradient(true);
            EngineTraits.of(manager.getEngine()).assign(target, source);
            NDArray factors = manager.create(new float[] {2, 3});
            try (GradientCollector collector = manager.getEngine().newGradientCollector()) {
                collector.backward(target.mul(factors).sum());
            }
            return target.getGradient().toFloatArray();
        }
    }
}
