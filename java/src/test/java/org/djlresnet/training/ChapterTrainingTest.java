package org.djlresnet.training;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.Device;
import ai.djl.engine.Engine;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDArrays;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Activation;
import ai.djl.nn.Block;
import ai.djl.nn.Blocks;
import ai.djl.nn.ParallelBlock;
import ai.djl.nn.Parameter;
import ai.djl.nn.SequentialBlock;
import ai.djl.nn.convolutional.Conv2d;
import ai.djl.nn.core.Linear;
import ai.djl.nn.norm.BatchNorm;
import ai.djl.nn.pooling.Pool;
import ai.djl.training.GradientCollector;
import ai.djl.training.ParameterStore;
import ai.djl.training.loss.Loss;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.djlresnet.QuadrantImages;
import org.djlresnet.engine.EngineTraits;
import org.djlresnet.engine.Precision;
import org.djlresnet.image.ImageShape;
import org.djlresnet.model.Classes;
import org.djlresnet.model.Network;
import org.djlresnet.objective.Classification;
import org.djlresnet.objective.Minibatch;
import org.djlresnet.objective.Objective;
import org.djlresnet.optimizer.Gradients;
import org.djlresnet.optimizer.Optimizer;
import org.djlresnet.optimizer.Optimizers;
import org.djlresnet.recipe.Recipe;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Compares our ResNet-18 with the chapter's own code in training from the same weights. */
@Tag("engine")
class ChapterTrainingTest {

    private static final int STEPS = 50;
    private static final Shape IMAGES = new Shape(64, 1, 16, 16);
    private static final int CLASSES = 4;

    @Test
    void fiftyStepsReproduceTheChaptersLosses() {
        Recipe recipe = QuadrantImages.recipe("{'lr': 0.02, 'momentum': 0.5}");
        try (Network ours =
                Network.create("d2l-resnet18", 1, Classes.numbered(4).names(), 1, Device.cpu())) {
            NDManager manager = ours.manager();
            EngineTraits.of(manager.getEngine()).disableRecording();
            Block chapter = chapter();
            chapter.initialize(manager, DataType.FLOAT32, IMAGES);
            Map<String, Parameter> theirs = copy(ours.parameters(), chapter, manager);
            ParameterStore store = new ParameterStore(manager, false);
            Objective objective = new Classification(CLASSES);
            boolean compiles = EngineTraits.of(manager.getEngine()).compiles();
            try (GradientPass pass =
                            compiles
                                    ? new ProgramPass(
                                            ours,
                                            ours.graph(),
                                            objective,
                                            new ImageShape(1, 16, 16),
                                            Precision.FLOAT32,
                                            false,
                                            false,
                                            null)
                                    : new BlockPass(ours, objective);
                    Optimizer sgd =
                            Optimizers.create(recipe, ours.parameters(), manager, Map.of());
                    Optimizer theirSgd = Optimizers.create(recipe, theirs, manager, Map.of())) {
                float first = 0;
                float last = 0;
                for (int step = 0; step < STEPS; step++) {
                    float loss;
                    float expected;
                    try (NDManager scope = manager.newSubManager()) {
                        Minibatch batch = batch(scope, step);
                        GradientPass.Result result = pass.run(batch);
                        loss = result.value().loss().getFloat();
                        try (Gradients gradients = result.gradients()) {
                            sgd.step(gradients.byName(), recipe.lr());
                        }
                        expected = backward(chapter, store, batch);
                        try (Gradients gradients = Gradients.collect(theirs, manager.getEngine())) {
                            theirSgd.step(gradients.byName(), recipe.lr());
                        }
                    }
                    assertEquals(expected, loss, 1e-3, "step " + step);
                    first = step == 0 ? loss : first;
                    last = loss;
                }
                assertTrue(last < first / 2, "nothing was learned: " + first + " → " + last);
            }
        }
    }

    private static Minibatch batch(NDManager manager, int step) {
        Random random = new Random(step);
        int pixels = (int) IMAGES.slice(1).size();
        float[] images = new float[(int) IMAGES.size()];
        int[] labels = new int[(int) IMAGES.get(0)];
        for (int i = 0; i < images.length; i++) {
            int label = i / pixels % CLASSES;
            int quadrant = 2 * (i % pixels / (pixels / 2)) + i % 16 / 8;
            images[i] = random.nextFloat() * 0.5f + (quadrant == label ? 0.5f : 0);
            labels[i / pixels] = label;
        }
        return new Minibatch(manager.create(images, IMAGES), manager.create(labels));
    }

    private static float backward(Block network, ParameterStore store, Minibatch batch) {
        try (GradientCollector collector = Engine.getInstance().newGradientCollector()) {
            NDList outputs = network.forward(store, new NDList(batch.images()), true);
            NDArray loss =
                    Loss.softmaxCrossEntropyLoss().evaluate(new NDList(batch.labels()), outputs);
            collector.backward(loss);
            return loss.getFloat();
        }
    }

    /** Copies the weights; both networks have their parameters in the same order. */
    private static Map<String, Parameter> copy(
            Map<String, Parameter> source, Block target, NDManager manager) {
        Map<String, Parameter> copied = new LinkedHashMap<>();
        Iterator<Parameter> parameters = target.getParameters().values().iterator();
        source.forEach(
                (name, parameter) -> {
                    Parameter copy = parameters.next();
                    assertEquals(parameter.getType(), copy.getType(), name);
                    EngineTraits.of(manager.getEngine())
                            .assign(copy.getArray(), parameter.getArray());
                    copied.put(name, copy);
                });
        assertTrue(!parameters.hasNext());
        return copied;
    }

    private static Block chapter() {
        SequentialBlock network =
                new SequentialBlock()
                        .add(convolution(64, 7, 2))
                        .add(BatchNorm.builder().build())
                        .add(Activation::relu)
                        .add(pool());
        for (int stage = 0; stage < 4; stage++) {
            boolean first = stage == 0;
            int channels = 64 << stage;
            network.add(residual(channels, !first, first ? 1 : 2));
            network.add(residual(channels, false, 1));
        }
        return network.add(Pool.globalAvgPool2dBlock())
                .add(Linear.builder().setUnits(CLASSES).build());
    }

    private static Block pool() {
        return Pool.maxPool2dBlock(new Shape(3, 3), new Shape(2, 2), new Shape(1, 1));
    }

    private static Block residual(int channels, boolean projects, int stride) {
        SequentialBlock branch =
                new SequentialBlock()
                        .add(convolution(channels, 3, stride))
                        .add(BatchNorm.builder().build())
                        .add(Activation::relu)
                        .add(convolution(channels, 3, 1))
                        .add(BatchNorm.builder().build());
        Block shortcut = projects ? convolution(channels, 1, stride) : Blocks.identityBlock();
        return new ParallelBlock(
                branches ->
                        new NDList(
                                Activation.relu(
                                        NDArrays.add(
                                                branches.get(0).singletonOrThrow(),
                                                branches.get(1).singletonOrThrow()))),
                List.of(branch, shortcut));
    }

    private static Conv2d convolution(int channels, int kernel, int stride) {
        return Conv2d.builder()
                .setFilters(channels)
                .setKernelShape(new Shape(kernel, kernel))
                .optStride(new Shape(stride, stride))
                .optPadding(new Shape(kernel / 2, kernel / 2))
                .build();
    }
}
