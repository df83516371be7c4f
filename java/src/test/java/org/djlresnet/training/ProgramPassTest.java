package org.djlresnet.training;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Parameter;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;
import org.djlresnet.UnsettledNetwork;
import org.djlresnet.engine.EngineTraits;
import org.djlresnet.engine.Precision;
import org.djlresnet.image.ImageShape;
import org.djlresnet.model.Models;
import org.djlresnet.model.Network;
import org.djlresnet.model.ResidualBlocks;
import org.djlresnet.objective.Classification;
import org.djlresnet.objective.Minibatch;
import org.djlresnet.objective.Objective;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Compares training programs with the blocks: loss, correct predictions, every gradient and every
 * running statistic, over two steps.
 *
 * <p>Most comparisons are in float64, where the two agree to 1e-9. In float32, rounding grows with
 * depth, and moves values across the kink of a ReLU, so only shallow networks agree to 1e-5.
 */
@Timeout(300)
class ProgramPassTest {

    private static final int CLASSES = 10;
    private static final Objective OBJECTIVE = new Classification(CLASSES);

    /** Measures how far an array is from the expected one. */
    private interface Distance {
        double of(NDArray expected, NDArray actual);
    }

    /**
     * A comparison.
     *
     * @param type the type of both networks' arrays
     * @param precision the program's
     * @param tolerance the largest distance
     * @param distance the distance
     */
    private record Comparison(
            DataType type, Precision precision, double tolerance, Distance distance) {}

    private static final Comparison FLOAT64 =
            new Comparison(DataType.FLOAT64, Precision.FLOAT32, 1e-9, ProgramPassTest::largest);
    private static final Comparison FLOAT32 =
            new Comparison(DataType.FLOAT32, Precision.FLOAT32, 1e-5, ProgramPassTest::largest);
    private static final Comparison BFLOAT16 =
            new Comparison(DataType.FLOAT32, Precision.BFLOAT16, 2e-2, ProgramPassTest::norm);

    /** The largest difference, relative to the largest value. */
    private static double largest(NDArray expected, NDArray actual) {
        return max(expected.sub(actual)) / max(expected);
    }

    /** The 2-norm of the difference, relative to that of the expected values. */
    private static double norm(NDArray expected, NDArray actual) {
        NDArray difference = expected.sub(actual);
        return Math.sqrt(number(difference.mul(difference).sum()))
                / Math.sqrt(number(expected.mul(expected).sum()));
    }

    private static double max(NDArray array) {
        return number(array.abs().max());
    }

    private static double number(NDArray array) {
        return array.toType(DataType.FLOAT64, true).getDouble();
    }

    /**
     * Convolutions before batch normalization have gradients of 0 for their biases, so only
     * rounding is left of them: differences count relative to this at least.
     */
    private static final double ZERO = 1e-3;

    private static Network network(String model, DataType type) {
        int channels = model.startsWith("d2l") ? 1 : 3;
        Network network =
                Network.create(model, channels, Network.numbered(CLASSES), 3, Device.cpu());
        EngineTraits.of(network.manager().getEngine()).disableRecording();
        UnsettledNetwork.unsettle(network);
        if (type == DataType.FLOAT32) {
            avoidKinks(network);
        }
        if (type != DataType.FLOAT32) {
            for (Parameter parameter : network.parameters().values()) {
                NDArray array = parameter.getArray();
                array.intern(array.toType(type, true));
                array.setRequiresGradient(parameter.requiresGradient());
            }
        }
        return network;
    }

    /**
     * Gives normalized values a distance from the kinks of ReLUs, which rounding would move some
     * across: every other channel of first normalizations is negative, all others are positive.
     */
    private static void avoidKinks(Network network) {
        Map<String, NDArray> state = network.stateDict();
        state.forEach(
                (name, array) -> {
                    if (array.getShape().dimension() == 1
                            && name.endsWith(".bias")
                            && state.containsKey(name.replace("bias", "running_mean"))) {
                        NDArray scale = state.get(name.replace("bias", "weight"));
                        scale.subi(1).muli(0.2).addi(0.4);
                        float[] shifts = new float[(int) array.size()];
                        for (int i = 0; i < shifts.length; i++) {
                            shifts[i] = name.endsWith("bn1.bias") && i % 2 == 1 ? -3 : 3;
                        }
                        try (NDArray values = array.getManager().create(shifts)) {
                            EngineTraits.of(array.getManager().getEngine()).assign(array, values);
                        }
                    }
                });
    }

    private static Minibatch batch(NDManager manager, ImageShape shape, int examples, int step) {
        Random random = new Random(step);
        float[] images = new float[examples * (int) shape.values()];
        int half = (shape.width() + 1) / 2;
        float[] brightness = new float[2];
        for (int i = 0; i < images.length; i++) {
            if (i % (half * shape.width()) == 0) {
                // so that the examples differ in deep layers, too
                brightness[0] = (float) random.nextGaussian();
                brightness[1] = (float) random.nextGaussian();
            }
            images[i] = brightness[i % shape.width() / half] + random.nextFloat() - 0.5f;
        }
        int[] labels = random.ints(examples, 0, CLASSES).toArray();
        return new Minibatch(
                manager.create(images, new Shape(shape.batch(examples))), manager.create(labels));
    }

    private static void compare(
            String model, int examples, int size, double depth, Comparison comparison) {
        compare(model, examples, size, depth, List.of(), comparison);
    }

    private static void compare(
            String model,
            int examples,
            int size,
            double depth,
            List<String> bypassed,
            Comparison comparison) {
        try (Network blocks = network(model, comparison.type);
                Network compiled = network(model, comparison.type)) {
            for (Network network : List.of(blocks, compiled)) {
                ResidualBlocks.bypass(model, network.block(), bypassed);
            }
            ImageShape shape = new ImageShape(blocks.specification().channels(), size, size);
            StochasticDepth blocksDepth = new StochasticDepth(blocks, 7, depth);
            StochasticDepth programDepth = new StochasticDepth(compiled, 7, depth);
            try (GradientPass blockPass = new BlockPass(blocks, OBJECTIVE);
                    GradientPass program =
                            new ProgramPass(
                                    compiled,
                                    compiled.graph(),
                                    OBJECTIVE,
                                    shape,
                                    comparison.precision,
                                    depth > 0,
                                    null)) {
                for (int step = 0; step < 2; step++) {
                    blocksDepth.begin(step);
                    programDepth.begin(step);
                    try (NDManager manager = blocks.manager().newSubManager()) {
                        Minibatch batch = batch(manager, shape, examples, step);
                        NDArray images = batch.images().toType(comparison.type, true);
                        Minibatch typed = new Minibatch(images, batch.labels());
                        GradientPass.Result expected = blockPass.run(typed);
                        GradientPass.Result actual = program.run(typed);
                        compare(expected, actual, comparison);
                        assertClose(blocks.stateDict(), compiled.stateDict(), 1, comparison);
                        expected.gradients().close();
                        actual.gradients().close();
                    }
                }
            }
            assertEquals(blocks.batchesTracked(), compiled.batchesTracked());
        }
    }

    private static void compare(
            GradientPass.Result expected, GradientPass.Result actual, Comparison comparison) {
        double loss = number(expected.value().loss());
        assertEquals(loss, number(actual.value().loss()), comparison.tolerance * loss);
        Map<String, NDArray> sums = expected.value().sums();
        assertEquals(sums.keySet(), actual.value().sums().keySet());
        if (comparison.precision == Precision.FLOAT32) {
            sums.forEach(
                    (n, sum) -> assertEquals(number(sum), number(actual.value().sums().get(n))));
        }
        Map<String, NDArray> gradients = expected.gradients().byName();
        double scale =
                gradients.values().stream().mapToDouble(ProgramPassTest::max).max().getAsDouble();
        assertClose(gradients, actual.gradients().byName(), scale, comparison);
    }

    private static void assertClose(
            Map<String, NDArray> expected,
            Map<String, NDArray> actual,
            double scale,
            Comparison comparison) {
        assertEquals(List.copyOf(expected.keySet()), List.copyOf(actual.keySet()));
        double worst = 0;
        String where = "";
        for (Map.Entry<String, NDArray> entry : expected.entrySet()) {
            try (NDManager scope = entry.getValue().getManager().newSubManager()) {
                NDArray one = entry.getValue().stopGradient();
                NDArray other = actual.get(entry.getKey()).stopGradient();
                scope.tempAttachAll(one, other);
                assertEquals(one.getShape(), other.getShape());
                assertEquals(comparison.type, other.getDataType());
                double distance =
                        max(one) < ZERO * scale
                                ? max(one.sub(other)) / (ZERO * scale)
                                : comparison.distance.of(one, other);
                if (!(distance <= worst)) {
                    worst = distance;
                    where = entry.getKey();
                }
            }
        }
        System.out.println("WORST " + worst + " " + where);
        assertTrue(worst <= comparison.tolerance, where + " differs by " + worst);
    }

    static Stream<String> names() {
        // the same network with 164 layers takes a tenth of the time
        return Models.names().stream().filter(name -> !name.equals("preact-resnet1001"));
    }

    @ParameterizedTest
    @MethodSource("names")
    void everyNetworkEqualsItsBlocks(String model) {
        // smaller maps: the last ones are 2×2 and 1×1 for networks of photographs
        compare(model, 3, model.length() % 2 == 0 ? 33 : 28, 0, FLOAT64);
    }

    @ParameterizedTest
    @CsvSource({
        // model, examples, height and width
        "resnet18+zero_init_last_gamma, 3, 33",
        "resnet18+deep_stem+pooled_shortcut, 3, 33",
        "resnet50+stride_in_1x1+small_stem, 2, 17",
        "preact-resnet34, 3, 16",
        "cifar-resnet20+option_b, 3, 9",
        "d2l-resnet18, 3, 16",
        "d2l-resnet18, 1, 70",
        "resnet18, 1, 65",
        "cifar-resnet20, 1, 5",
    })
    void optionsAndSizesEqualTheBlocks(String model, int examples, int size) {
        compare(model, examples, size, 0, FLOAT64);
    }

    @ParameterizedTest
    @CsvSource({"d2l-resnet18, 28", "resnet50, 33", "preact-resnet18, 33", "cifar-resnet20, 28"})
    void droppedBranchesEqualTheBlocks(String model, int size) {
        compare(model, 3, size, 0.5, FLOAT64);
    }

    @ParameterizedTest
    @CsvSource({"d2l-resnet18, layer2.0", "resnet18, layer2.1", "preact-resnet18, layer3.0"})
    void bypassedBlocksEqualTheBlocks(String model, String block) {
        compare(model, 3, 33, 0, List.of(block), FLOAT64);
    }

    @ParameterizedTest
    @CsvSource({
        "d2l-resnet18, 28",
        "resnet18, 33",
        "resnet50, 33",
        "resnext50_32x4d, 28",
        "preact-resnet18, 33",
        "cifar-resnet20, 28",
    })
    void shallowNetworksAgreeInFloat32(String model, int size) {
        compare(model, 16, size, 0, FLOAT32);
    }

    @ParameterizedTest
    @CsvSource({
        "d2l-resnet18, 28, 0",
        "resnet18, 33, 0.5",
        "preact-resnet18, 33, 0",
        "cifar-resnet20, 28, 0",
    })
    void shallowNetworksAgreeInBfloat16(String model, int size, double depth) {
        compare(model, 16, size, depth, BFLOAT16);
    }
}
