package org.djlresnet.training;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Parameter;
import ai.djl.pytorch.jni.JniUtils;
import com.google.gson.JsonElement;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.djlresnet.engine.EngineTraits;
import org.djlresnet.engine.Precision;
import org.djlresnet.image.ImageShape;
import org.djlresnet.model.Classes;
import org.djlresnet.model.Inference;
import org.djlresnet.model.Network;
import org.djlresnet.objective.Classification;
import org.djlresnet.objective.Minibatch;
import org.djlresnet.objective.Objective;
import org.djlresnet.optimizer.Gradients;
import org.djlresnet.optimizer.Optimizer;
import org.djlresnet.optimizer.Optimizers;
import org.djlresnet.recipe.Recipe;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
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

    @TempDir Path dir;

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
        Network network = Network.create(model, 1, Classes.numbered(10).names(), 0, Device.cpu());
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

    private static GradientPass pass(Network network, Precision precision) {
        Objective objective = new Classification(10);
        ImageShape images = new ImageShape(1, 28, 28);
        return new ProgramPass(
                network, network.graph(), objective, images, precision, false, false, null);
    }

    private static Optimizer optimizer(Network network, String settings) {
        Recipe recipe = Recipe.fromJson(settings.replace('\'', '"').replace(';', ','));
        return Optimizers.create(recipe, network.parameters(), network.manager(), Map.of());
    }

    private static Minibatch batch(NDManager manager, int examples) {
        NDArray images = manager.ones(new Shape(examples, 1, 28, 28));
        return new Minibatch(images, manager.zeros(new Shape(examples), DataType.INT32));
    }

    @ParameterizedTest
    @CsvSource({
        // model, precision, convolutions, products, most passes over memory
        "d2l-resnet18, float32, 13, 21, 81",
        "d2l-resnet18, bfloat16, 13, 0, 164",
        "resnet18, float32, 13, 21, 71",
        "cifar-resnet20, float32, 19, 0, 55",
    })
    void stepMakesNoMoreCalls(
            String model, String precision, int convolutions, int products, int passes)
            throws IOException {
        try (Network network = network(model);
                GradientPass pass = pass(network, Precision.of(precision));
                Optimizer optimizer =
                        optimizer(network, "{'momentum': 0.9; 'weight_decay': 1e-4}");
                NDManager manager = network.manager().newSubManager()) {
            Minibatch batch = batch(manager, BATCH);
            // the first step names the methods
            try (Gradients gradients = pass.run(batch).gradients()) {
                optimizer.step(gradients.byName(), 0.01);
            }
            int outside = network.manager().getManagedArrays().size();
            int before = manager.getManagedArrays().size();
            int[] results = new int[1];
            Counts counts =
                    count(
                            () -> {
                                try (Gradients gradients = pass.run(batch).gradients()) {
                                    results[0] = manager.getManagedArrays().size() - before;
                                    optimizer.step(gradients.byName(), 0.01);
                                }
                            });
            // the profiler lists each call of a method twice: gradients, optimizer
            assertEquals(2 * 2, counts.exactly("step"));
            // loss, correct predictions, gradients
            assertEquals(2 + trained(network), results[0]);
            // of these, loss and correct predictions stay until the batch is closed
            assertEquals(outside + 2, network.manager().getManagedArrays().size());
            // each layer is computed once, each gradient too
            int norms = count(network, Parameter.Type.GAMMA);
            assertEquals(norms, counts.of("native_batch_norm"));
            assertEquals(norms, counts.of("native_batch_norm_backward"));
            assertEquals(convolutions, counts.of("convolution"));
            assertEquals(convolutions, counts.of("convolution_backward"));
            // without AVX2 oneDNN's convolutions leave more copies to libtorch
            assumeTrue(hasAvx2(), "products and passes over memory are counted with AVX2");
            assertEquals(products, counts.exactly("mkldnn::_linear_pointwise"));
            assertAtMost(passes, counts.of(PASSES_OVER_MEMORY), "passes over memory");
        }
    }

    @Test
    void evaluationMakesNoMoreCalls() throws IOException {
        try (Network network = network("d2l-resnet18");
                Inference inference = new Inference(network, Precision.FLOAT32, true);
                NDManager manager = network.manager().newSubManager()) {
            NDArray images = manager.ones(new Shape(BATCH, 1, 28, 28));
            inference.forward(images).close();
            int before = manager.getManagedArrays().size();
            Counts counts = count(() -> inference.forward(images));

            assertEquals(before + 1, manager.getManagedArrays().size());
            assertEquals(2, counts.exactly("evaluate"));
            assertEquals(0, counts.of("native_batch_norm"));
            assumeTrue(hasAvx2(), "oneDNN's operators are counted with AVX2");
            assertEquals(12, counts.exactly("mkldnn::_convolution_pointwise"));
            assertEquals(1, counts.exactly("mkldnn::_convolution_pointwise_"));
            assertEquals(7, counts.exactly("mkldnn::_linear_pointwise"));
            assertAtMost(12, counts.of("add", "add_", "relu", "relu_"), "sums and ReLUs");
            assertAtMost(6, counts.of(PASSES_OVER_MEMORY), "passes over memory");
        }
    }

    private static boolean hasAvx2() throws IOException {
        Path processor = Path.of("/proc/cpuinfo");
        return Files.exists(processor) && Files.readString(processor).contains(" avx2 ");
    }

    @Test
    void optimizerIsOneCall() throws IOException {
        try (Network network = network("d2l-resnet18");
                GradientPass pass = pass(network, Precision.FLOAT32);
                Optimizer optimizer =
                        optimizer(network, "{'momentum': 0.9; 'weight_decay': 1e-4}");
                NDManager manager = network.manager().newSubManager();
                Gradients gradients = pass.run(batch(manager, BATCH)).gradients()) {
            Counts counts = count(() -> optimizer.step(gradients.byName(), 0.01));
            // one with weight decay and one without, and nothing beside them
            assertEquals(2, counts.of("_fused_sgd_"));
            assertEquals(2, counts.exactly("step"));
            assertEquals(0, counts.of("add_", "add", "mul_", "mul", "sub_", "sub", "zero_"));
        }
    }

    @Test
    @EnabledOnOs(OS.LINUX) // which tells memory by /proc
    void memoryIsFlatOverAThousandSteps() throws IOException {
        try (Network network = network("cifar-resnet20");
                GradientPass pass = pass(network, Precision.FLOAT32);
                Optimizer optimizer = optimizer(network, "{'momentum': 0.9}")) {
            int arrays = 0;
            long kilobytes = 0;
            for (int step = 1; step <= 1200; step++) {
                try (NDManager manager = network.manager().newSubManager();
                        Gradients gradients = pass.run(batch(manager, 2)).gradients()) {
                    optimizer.step(gradients.byName(), 0.01);
                }
                if (step == 200) {
                    arrays = network.manager().getManagedArrays().size();
                    kilobytes = residentKilobytes();
                }
            }
            assertEquals(arrays, network.manager().getManagedArrays().size());
            // a lost map of each step would be 100 MB, a lost gradient 1.1 GB
            long growth = residentKilobytes() - kilobytes;
            assertTrue(growth < 20_000, growth + " kB");
        }
    }

    private static long residentKilobytes() throws IOException {
        // Java's own garbage is no growth
        System.gc();
        return Files.readAllLines(Path.of("/proc/self/status")).stream()
                .filter(line -> line.startsWith("VmRSS:"))
                .mapToLong(line -> Long.parseLong(line.replaceAll("\\D+", "")))
                .sum();
    }

    private static void assertAtMost(int most, int count, String what) {
        assertTrue(count <= most, count + " " + what + ", at most " + most);
    }
}
