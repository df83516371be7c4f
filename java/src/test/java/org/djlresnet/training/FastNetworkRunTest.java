package org.djlresnet.training;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.ndarray.NDArray;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.djlresnet.checkpoint.Checkpoint;
import org.djlresnet.image.Preprocessing;
import org.djlresnet.image.Preprocessor;
import org.djlresnet.image.RawImage;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Tests what a run computes from its training images before the first epoch. */
@Tag("engine")
class FastNetworkRunTest extends ResumeFixture {

    private static final String RECIPE =
            "{'model': 'airbench94+half_width', 'image_size': 12, 'epochs': 2, 'batch_size': 12,"
                    + " 'lr': 0.01, 'momentum': 0.9, 'weight_decay': 0.01,"
                    + " 'decay_bias_and_norm': true, 'normalize': true}";

    private static float[] values(TrainingRun run, String name) {
        try (NDArray array = run.network().stateDict().get(name).duplicate()) {
            return array.toFloatArray();
        }
    }

    @Test
    void whiteningIsComputedOnceAndNotTrained() {
        Path whole = dir.resolve("whole");
        TrainingRun run = prepare(RECIPE, whole);
        float[] weight = values(run, "whiten.weight");
        float[] bias = values(run, "whiten.bias");
        run.trainer().run();
        assertArrayEquals(weight, values(run, "whiten.weight"));
        float[] ones = values(run, "layers.1.norm1.weight");
        assertEquals(List.of(1f), distinct(ones));
        assertFalse(Arrays.equals(bias, values(run, "whiten.bias")));
        run.network().close();
        run.folder().close();
        // half of the filters are the others' negatives
        for (int i = 0; i < weight.length / 2; i++) {
            assertEquals(-weight[i], weight[weight.length / 2 + i]);
        }
        assertTrue(distinct(weight).size() > 4);

        TrainingRun resumed = resume(stoppedAfter(1, RECIPE), "{}");
        assertArrayEquals(weight, values(resumed, "whiten.weight"));
        finish(resumed);
        Path parts = dir.resolve("parts");
        assertSameBytes(
                tensors(whole.resolve("last.safetensors")),
                tensors(parts.resolve("last.safetensors")));
    }

    private static List<Float> distinct(float[] values) {
        List<Float> found = new ArrayList<>();
        for (float value : values) {
            if (!found.contains(value)) {
                found.add(value);
            }
        }
        return found;
    }

    @Test
    void normalizationIsTheTrainingDatasAndRecorded() {
        TrainingRun run =
                prepare(RECIPE.replace("airbench94+half_width", "fashion-net"), dir.resolve("run"));
        finish(run);
        Preprocessing recorded;
        try (Checkpoint checkpoint = Checkpoint.open(dir.resolve("run/last.safetensors"))) {
            recorded = checkpoint.specification().preprocessing();
        }
        double sum = 0;
        double squares = 0;
        int count = 0;
        RawImage raw = new RawImage();
        Preprocessing plain = new Preprocessing(1, recorded.resize(), null, null, null);
        Preprocessor preprocessor = new Preprocessor(plain);
        float[] pixels = new float[12 * 12];
        for (int i = 0; i < train.size(); i++) {
            train.read(i, raw);
            preprocessor.apply(raw, pixels, 0);
            for (float pixel : pixels) {
                sum += pixel;
                squares += pixel * pixel;
                count++;
            }
        }
        double mean = sum / count;
        assertEquals(mean, recorded.mean().get(0), 1e-4);
        assertEquals(Math.sqrt(squares / count - mean * mean), recorded.deviation().get(0), 1e-4);
    }
}
