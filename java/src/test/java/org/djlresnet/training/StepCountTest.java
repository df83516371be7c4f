package org.djlresnet.training;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Parameter;
import ai.djl.pytorch.jni.JniUtils;
import ai.djl.training.loss.Loss;
import com.google.gson.JsonElement;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.djlresnet.engine.EngineTraits;
import org.djlresnet.model.FoldedNetwork;
import org.djlresnet.model.Network;
import org.djlresnet.objective.Classification;
import org.djlresnet.objective.Measurement;
import org.djlresnet.objective.Metric;
import org.djlresnet.objective.Minibatch;
import org.djlresnet.objective.Objective;
import org.djlresnet.optimizer.Gradients;
import org.djlresnet.optimizer.Optimizer;
import org.djlresnet.optimizer.Optimizers;
import org.djlresnet.recipe.Recipe;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Measures the cost of a training step in counts, not in time: libtorch's operations, from its
 * profiler, and DJL's arrays, each of which is a call and an object.
 *
 * <p>If a bound fails, a step costs more than before. Raise it only with a measurement.
 */
@Timeout(300)
class StepCountTest {

    private static final int BATCH = 64;

    private static final String[] PASSES_OVER_MEMORY = {"copy_", "fill_", "cat", "stack"};

    /** Leaves out the metrics, which are not part of the passes. */
    private static final Objective LOSS_ALONE = new LossAlone();

    @TempDir Path dir;

    private static final class LossAlone implements Objective {

        private final Objective whole = new Classification(10);

        @Override
        public List<Metric> metrics() {
            return whole.metrics().subList(0, 1);
        }

        @Override
        public Metric selection() {
            return metrics().get(0);
        }

        @Override
        public Metric plateau() {
            return metrics().get(0);
        }

        @Override
        public Value apply(NDList outputs, Minibatch batch) {
            NDArray loss =
                    Loss.softmaxCrossEntropyLoss().evaluate(new NDList(batch.labels()), outputs);
            return new Value(loss, Map.of());
        }

        @Override
        public Measurement measurement() {
            return whole.measurement();
        }
    }

    /** Counts calls by operation. */
    private record Counts(Map<String, Integer> calls) {

        int exactly(String name) {
            return calls.getOrDefault(name, 0);
        }

        int of(String... names) {
            return Stream.of(names).mapToInt(name -> exactly("aten::" + name)).sum();
        }
    }

    private interface Work {
        void run();
    }

    private Counts count(Work work) throws IOException {
        Path trace = dir.resolve("trace.json");
        JniUtils.startProfile(false, false, false);
        try {
            work.run();
        } finally {
            JniUtils.stopProfile(trace.toString());
        }
        Map<String, Integer> calls = new TreeMap<>();
        for (JsonElement call : JsonParser.parseString(Files.readString(trace)).getAsJsonArray()) {
            calls.merge(call.getAsJsonObject().get("name").getAsString(), 1, Integer::sum);
        }
        return new Counts(calls);
    }

    private static Network network(String model) {
        Network network = Network.create(model, 1, Network.numbered(10), 0, Device.cpu());
        EngineTraits.of(network.manager().getEngine()).disableRecording();
        return network;
    }

    private static int count(Network network, Parameter.Type type) {
        return (int)
                network.parameters().values().stream()
                        .filter(parameter -> parameter.getType() == type)
                        .count();
    }

    private static int trained(Network network) {
        return (int)
                network.parameters().values().stream().filter(Parameter::requiresGradient).count();
    }

    private static void pass(Network network, NDManager manager) {
        NDArray images = manager.ones(new Shape(BATCH, 1, 28, 28));
        NDArray labels = manager.zeros(new Shape(BATCH), DataType.INT32);
        new GradientPass(network, LOSS_ALONE).run(new Minibatch(images, labels));
    }

    @ParameterizedTest
    @CsvSource({
        // model, convolutions, most arrays and most passes over memory
        "d2l-resnet18, 23, 277, 127",
        "resnet18, 23, 279, 102",
        "cifar-resnet20, 19, 85, 53",
    })
    void passMakesNoMoreCalls(String model, int convolutions, int arrays, int passes)
            throws IOException {
        try (Network network = network(model)) {
            network.arrangeFor(28, 28);
            int norms = count(network, Parameter.Type.GAMMA);
            int[] left = new int[1];
            int before = network.manager().getManagedArrays().size();
            Counts counts =
                    count(
                            () -> {
                                try (NDManager manager = network.manager().newSubManager()) {
                                    pass(network, manager);
                                    left[0] = manager.getManagedArrays().size();
                                }
                            });

            // no array outlives its step
            assertEquals(before, network.manager().getManagedArrays().size());
            // each layer is computed once, each gradient too
            assertEquals(norms, counts.of("native_batch_norm"));
            assertEquals(norms, counts.of("native_batch_norm_backward"));
            assertEquals(trained(network), counts.exactly("torch::autograd::AccumulateGrad"));
            // a layer is one convolution, or for small maps one or several products
            assertEquals(convolutions, counts.of("convolution"));
            assertEquals(convolutions, counts.of("convolution_backward"));
            assertAtMost(arrays, left[0], "arrays");
            // without AVX2 oneDNN's convolutions leave more copies to libtorch
            assumeTrue(hasAvx2(), "passes over memory are counted with AVX2");
            assertAtMost(passes, counts.of(PASSES_OVER_MEMORY), "passes over memory");
        }
    }

    @Test
    void evaluationMakesNoMoreCalls() throws IOException {
        try (Network network = network("d2l-resnet18");
                FoldedNetwork folded = new FoldedNetwork(network);
                NDManager manager = network.manager().newSubManager()) {
            NDArray images = manager.ones(new Shape(BATCH, 1, 28, 28));
            folded.forward(images).close();
            int before = manager.getManagedArrays().size();
            Counts counts = count(() -> folded.forward(images));

            assertEquals(0, counts.of("native_batch_norm"));
            assertEquals(23, counts.of("convolution"));
            // folded: no scaling, and only the sums of the eight shortcuts
            assertEquals(0, counts.of("mul", "mul_", "sub", "sub_"), counts.toString());
            assertEquals(8, counts.of("add", "add_"), counts.toString());
            assertEquals(before + 1, manager.getManagedArrays().size());
            assertAtMost(22, counts.of(PASSES_OVER_MEMORY), "passes over memory");
        }
    }

    private static boolean hasAvx2() throws IOException {
        Path processor = Path.of("/proc/cpuinfo");
        return Files.exists(processor) && Files.readString(processor).contains(" avx2 ");
    }

    private static void assertAtMost(int most, int count, String what) {
        assertTrue(count <= most, count + " " + what + ", at most " + most);
    }

    @ParameterizedTest
    @CsvSource({
        // recipe, maximal number of passes over the memory of a parameter
        "{}, 2",
        "{'momentum': 0.9}, 4",
        "{'momentum': 0.9; 'weight_decay': 1e-4}, 5",
    })
    void optimizerMakesNoMoreCalls(String settings, int most) throws IOException {
        Recipe recipe = Recipe.fromJson(settings.replace('\'', '"').replace(';', ','));
        try (Network network = network("d2l-resnet18");
                Optimizer optimizer =
                        Optimizers.create(
                                recipe, network.parameters(), network.manager(), Map.of())) {
            try (NDManager manager = network.manager().newSubManager()) {
                pass(network, manager);
            }
            Counts counts =
                    count(
                            () -> {
                                try (Gradients gradients =
                                        new Gradients(
                                                network.parameters(),
                                                network.manager().getEngine())) {
                                    optimizer.step(gradients.byName(), 0.01, 0);
                                }
                            });

            int passes = counts.of("add_", "add", "mul_", "mul", "sub_", "sub", "zero_", "clone");
            // each parameter changes; otherwise operations with other names would be missed
            assertTrue(passes >= trained(network), counts.toString());
            assertTrue(passes <= most * trained(network), counts.toString());
        }
    }
}
