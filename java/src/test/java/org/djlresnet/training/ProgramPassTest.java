package org.djlresnet.training;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Parameter;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;
import org.djlresnet.UnsettledNetwork;
import org.djlresnet.engine.EngineTraits;
import org.djlresnet.engine.Precision;
import org.djlresnet.image.ImageShape;
import org.djlresnet.model.Classes;
import org.djlresnet.model.Models;
import org.djlresnet.model.Network;
import org.djlresnet.model.ResidualBlocks;
import org.djlresnet.model.StateDict;
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
 * <p>In float64, each tensor agrees to 1e-7 of its largest value. In float32 and bfloat16, rounding
 * grows with depth and moves values across the kinks of ReLUs, which changes gradients by much more
 * than it. There shallow networks are compared, whose values keep a distance from the kinks, and
 * the measure is the 2-norm of all gradients together.
 */
@Timeout(300)
class ProgramPassTest {

    private static final int CLASSES = 10;
    private static final Objective OBJECTIVE = new Classification(CLASSES);

    /**
     * A comparison.
     *
     * @param type the type of both networks' arrays
     * @param precision the program's
     * @param tolerance the largest relative difference
     */
    private record Comparison(DataType type, Precision precision, double tolerance) {}

    private static final Comparison FLOAT64 =
            new Comparison(DataType.FLOAT64, Precision.FLOAT32, 1e-7);
    private static final Comparison FLOAT32 =
            new Comparison(DataType.FLOAT32, Precision.FLOAT32, 1e-5);
    private static final Comparison BFLOAT16 =
            new Comparison(DataType.FLOAT32, Precision.BFLOAT16, 2e-2);

    /** Rounding moves maxima to other pixels of a window, and their gradients with them. */
    private static final Comparison BFLOAT16_MAXIMA =
            new Comparison(DataType.FLOAT32, Precision.BFLOAT16, 0.3);

    private static double max(NDArray array) {
        try (NDArray absolute = array.abs();
                NDArray max = absolute.max()) {
            return number(max);
        }
    }

    private static double squares(NDArray array) {
        try (NDArray squares = array.mul(array);
                NDArray sum = squares.sum()) {
            return number(sum);
        }
    }

    private static double number(NDArray array) {
        return array.getDataType() == DataType.FLOAT64 ? array.getDouble() : array.getFloat();
    }

    /**
     * A bias before batch normalization has a gradient of 0, of which only rounding is left:
     * differences count relative to this part of the largest gradient at least.
     */
    private static final double ZERO = 1e-3;

    private static Network network(String model, DataType type) {
        int channels = model.startsWith("d2l") ? 1 : 3;
        Network network =
                Network.create(model, channels, Classes.numbered(CLASSES).names(), 3, Device.cpu());
        EngineTraits.of(network.manager().getEngine()).disableRecording();
        if (type == DataType.FLOAT32) {
            UnsettledNetwork.unsettle(network);
            avoidKinks(network);
            return network;
        }
        for (Parameter parameter : network.parameters().values()) {
            NDArray array = parameter.getArray();
            NDArray converted = array.toType(type, true);
            if (array.getShape().dimension() == 1) {
                // as UnsettledNetwork does
                int size = (int) array.size();
                NDArray steps = array.getManager().arange(0, size, 1, type);
                converted.addi(steps.sin().mul(0.4));
            }
            array.intern(converted);
            array.setRequiresGradient(parameter.requiresGradient());
        }
        return network;
    }

    /**
     * Gives the values before ReLUs a distance from the kinks: every other channel of a block's
     * first normalization is negative, all others are positive.
     */
    private static void avoidKinks(Network network) {
        Map<String, NDArray> state = network.stateDict();
        for (String counter : StateDict.counters(network.block()).keySet()) {
            String norm = counter.substring(0, counter.lastIndexOf('.'));
            NDArray bias = state.get(norm + ".bias");
            state.get(norm + ".weight").subi(1).muli(0.2).addi(0.4);
            float[] shifts = new float[(int) bias.size()];
            for (int i = 0; i < shifts.length; i++) {
                shifts[i] = norm.endsWith("bn1") && i % 2 == 1 ? -3 : 3;
            }
            try (NDArray values = bias.getManager().create(shifts)) {
                bias.muli(0).addi(values);
            }
        }
        // the chapter's projections have no normalization
        state.forEach(
                (name, array) -> {
                    if (network.model().startsWith("d2l") && name.contains("downsample")) {
                        array.muli(0.1);
                    }
                });
    }

    private static Minibatch batch(NDManager manager, ImageShape shape, int examples, int step) {
        Random random = new Random(step);
        float[] images = new float[examples * (int) shape.values()];
        for (int i = 0; i < images.length; i++) {
            images[i] = random.nextFloat();
        }
        int[] labels = random.ints(examples, 0, CLASSES).toArray();
        return new Minibatch(
                manager.create(images, new Shape(shape.batch(examples))), manager.create(labels));
    }

    private static void compare(
            String model, int examples, int size, double depth, Comparison comparison) {
        compare(model, examples, size, depth, List.of(), false, comparison);
    }

    private static void compare(
            String model,
            int examples,
            int size,
            double depth,
            List<String> bypassed,
            boolean mixes,
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
                                    mixes,
                                    null)) {
                for (int step = 0; step < 2; step++) {
                    blocksDepth.begin(step);
                    programDepth.begin(step);
                    try (NDManager manager = blocks.manager().newSubManager()) {
                        Minibatch batch = batch(manager, shape, examples, step);
                        NDArray images = batch.images().toType(comparison.type, true);
                        Minibatch typed =
                                mixes
                                        ? new Minibatch(
                                                images,
                                                batch.labels(),
                                                batch(manager, shape, examples, 9).labels(),
                                                manager.create(0.7f))
                                        : new Minibatch(images, batch.labels());
                        GradientPass.Result expected = blockPass.run(typed);
                        GradientPass.Result actual = program.run(typed);
                        compare(expected, actual, comparison);
                        assertClose(
                                values(blocks, manager),
                                values(compiled, manager),
                                0,
                                comparison.tolerance);
                        expected.gradients().close();
                        actual.gradients().close();
                    }
                }
            }
            assertEquals(blocks.batchesTracked(), compiled.batchesTracked());
        }
    }

    /** Parameters and statistics, on a manager that frees what is computed from them. */
    private static Map<String, NDArray> values(Network network, NDManager manager) {
        Map<String, NDArray> values = new LinkedHashMap<>();
        network.stateDict()
                .forEach(
                        (name, array) -> {
                            NDArray value = array.stopGradient();
                            value.attach(manager);
                            values.put(name, value);
                        });
        return values;
    }

    private static void compare(
            GradientPass.Result expected, GradientPass.Result actual, Comparison comparison) {
        double loss = number(expected.value().loss());
        assertEquals(loss, number(actual.value().loss()), comparison.tolerance * loss);
        Map<String, NDArray> sums = expected.value().sums();
        assertEquals(sums.keySet(), actual.value().sums().keySet());
        if (comparison.precision == Precision.FLOAT32) {
            sums.forEach(
                    (n, sum) ->
                            assertEquals(number(sum), number(actual.value().sums().get(n)), 1e-5));
        }
        Map<String, NDArray> gradients = expected.gradients().byName();
        Map<String, NDArray> others = actual.gradients().byName();
        double scale = 0;
        for (NDArray gradient : gradients.values()) {
            scale = Math.max(scale, max(gradient));
        }
        others.values().forEach(other -> assertEquals(comparison.type, other.getDataType()));
        if (comparison.type == DataType.FLOAT64) {
            assertClose(gradients, others, ZERO * scale, comparison.tolerance);
            return;
        }
        assertEquals(List.copyOf(gradients.keySet()), List.copyOf(others.keySet()));
        double squares = 0;
        double differences = 0;
        for (Map.Entry<String, NDArray> gradient : gradients.entrySet()) {
            NDArray other = others.get(gradient.getKey());
            if (max(gradient.getValue()) >= ZERO * scale) {
                try (NDArray difference = gradient.getValue().sub(other)) {
                    differences += squares(difference);
                }
                squares += squares(gradient.getValue());
            }
        }
        double distance = Math.sqrt(differences / squares);
        assertTrue(distance <= comparison.tolerance, "gradients differ by " + distance);
    }

    /** Compares each array by its largest difference, relative to its largest value. */
    private static void assertClose(
            Map<String, NDArray> expected,
            Map<String, NDArray> actual,
            double least,
            double tolerance) {
        assertEquals(List.copyOf(expected.keySet()), List.copyOf(actual.keySet()));
        expected.forEach(
                (name, array) -> {
                    NDArray other = actual.get(name);
                    assertEquals(array.getShape(), other.getShape());
                    double allowed = tolerance * Math.max(least, max(array));
                    try (NDArray difference = array.sub(other)) {
                        double largest = max(difference);
                        assertTrue(
                                largest <= allowed,
                                name + " differs by " + largest + ", allowed " + allowed);
                    }
                });
    }

    static Stream<String> names() {
        // the same network with 164 layers takes a tenth of the time
        return Models.names().stream()
                .filter(name -> !name.equals("preact-resnet1001"))
                .filter(name -> !Models.get(name).isAutoencoder());
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
        "fashion-net+half_width, 3, 16",
        "airbench94, 3, 9",
    })
    void optionsAndSizesEqualTheBlocks(String model, int examples, int size) {
        compare(model, examples, size, 0, FLOAT64);
    }

    @ParameterizedTest
    @CsvSource({
        "d2l-resnet18, 56",
        "resnet50, 33",
        "preact-resnet18, 33",
        "cifar-resnet20, 28",
        "fashion-net, 28",
    })
    void droppedBranchesEqualTheBlocks(String model, int size) {
        compare(model, 3, size, 0.5, FLOAT64);
    }

    @ParameterizedTest
    @CsvSource({"d2l-resnet18, layer2.0", "resnet18, layer2.1", "preact-resnet18, layer3.0"})
    void bypassedBlocksEqualTheBlocks(String model, String block) {
        compare(model, 3, 33, 0, List.of(block), false, FLOAT64);
    }

    @ParameterizedTest
    @CsvSource({"d2l-resnet18, 56", "cifar-resnet20, 28"})
    void mixedLabelsEqualTheBlocks(String model, int size) {
        compare(model, 3, size, 0.5, List.of(), true, FLOAT64);
        compare(model, 16, size, 0, List.of(), true, FLOAT32);
    }

    @ParameterizedTest
    @CsvSource({
        "d2l-resnet18, 56",
        "resnet18, 33",
        "resnet50, 33",
        "resnext50_32x4d, 40",
        "preact-resnet18, 33",
        "cifar-resnet20, 28",
        "fashion-net, 28",
        "airbench94, 32",
    })
    void shallowNetworksAgreeInFloat32(String model, int size) {
        compare(model, 16, size, 0, FLOAT32);
    }

    @ParameterizedTest
    @CsvSource({
        "d2l-resnet18, 56, 0",
        "resnet18, 33, 0.5",
        "preact-resnet18, 33, 0",
        "cifar-resnet20, 28, 0",
    })
    void shallowNetworksAgreeInBfloat16(String model, int size, double depth) {
        compare(model, 16, size, depth, BFLOAT16);
    }

    @ParameterizedTest
    @CsvSource({"fashion-net, 28", "airbench94, 32"})
    void networksOfMaximaAgreeInBfloat16(String model, int size) {
        compare(model, 16, size, 0, BFLOAT16_MAXIMA);
    }
}
