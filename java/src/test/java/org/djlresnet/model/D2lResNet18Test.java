package org.djlresnet.model;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.Device;
import ai.djl.MalformedModelException;
import ai.djl.engine.Engine;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Block;
import ai.djl.nn.Parameter;
import ai.djl.training.ParameterStore;
import ai.djl.util.Pair;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.lang.management.BufferPoolMXBean;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.djlresnet.UnsettledNetwork;
import org.djlresnet.engine.EngineTraits;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@Tag("engine")
class D2lResNet18Test {

    private static final List<String> CLASSES = Classes.numbered(10).names();

    @BeforeAll
    static void recordInCollectorsOnly() {
        EngineTraits.of(Engine.getInstance()).disableRecording();
    }

    @Test
    void layersAndShapesEqualTheBooks() {
        List<String> lines = new ArrayList<>();
        Shape[] shapes = {new Shape(1, 1, 224, 224)};
        for (Pair<String, Block> child : new D2lResNet18(10).getChildren()) {
            shapes = child.getValue().getOutputShapes(shapes);
            lines.add(child.getKey() + " " + shapes[0]);
        }
        assertEquals(
                List.of(
                        "01Conv2d (1, 64, 112, 112)",
                        "02BatchNorm (1, 64, 112, 112)",
                        "03LambdaBlock (1, 64, 112, 112)",
                        "04LambdaBlock (1, 64, 56, 56)",
                        "05SequentialBlock (1, 64, 56, 56)",
                        "06SequentialBlock (1, 128, 28, 28)",
                        "07SequentialBlock (1, 256, 14, 14)",
                        "08SequentialBlock (1, 512, 7, 7)",
                        "09LambdaBlock (1, 512)",
                        "10Linear (1, 10)"),
                lines);
    }

    @Test
    void everyLayerHasItsInferredShape() {
        try (Network network = network(0)) {
            NDArray x = network.manager().ones(new Shape(2, 1, 28, 28));
            ParameterStore store = new ParameterStore(network.manager(), false);
            for (Pair<String, Block> child : network.block().getChildren()) {
                Shape inferred = child.getValue().getOutputShapes(new Shape[] {x.getShape()})[0];
                x = child.getValue().forward(store, new NDList(x), false).singletonOrThrow();
                assertEquals(inferred, x.getShape(), child.getKey());
            }
        }
    }

    @Test
    void parameterCountsEqualTheBooks() {
        Summary summary = Summary.of(new D2lResNet18(10), new Shape(1, 1, 28, 28), 1);
        assertEquals(11_178_378, summary.trainableParameters());
        assertEquals(11_186_186, summary.parameters());
        try (Network network = network(0)) {
            long trainable = 0;
            long all = 0;
            for (Parameter parameter : network.parameters().values()) {
                all += parameter.getArray().size();
                trainable += parameter.requiresGradient() ? parameter.getArray().size() : 0;
            }
            assertEquals(11_178_378, trainable);
            assertEquals(11_186_186, all);
        }
    }

    @Test
    void multiplyAddsEqualFormula() {
        // k·k·in·out·height·width of each convolution at 224×224, by hand
        long stem = 49L * 64 * 112 * 112;
        long stage1 = 4 * 9L * 64 * 64 * 56 * 56;
        long stage2 = (9L * 64 * 128 + 3 * 9L * 128 * 128 + 64 * 128) * 28 * 28;
        long stage3 = (9L * 128 * 256 + 3 * 9L * 256 * 256 + 128 * 256) * 14 * 14;
        long stage4 = (9L * 256 * 512 + 3 * 9L * 512 * 512 + 256 * 512) * 7 * 7;
        long expected = stem + stage1 + stage2 + stage3 + stage4 + 512 * 10;
        Summary summary = Summary.of(new D2lResNet18(10), new Shape(1, 1, 224, 224), 1);
        assertEquals(expected, summary.multiplyAdds());
        assertEquals(
                expected,
                Summary.of(new D2lResNet18(10), new Shape(8, 1, 224, 224), 1).multiplyAdds());
    }

    @Test
    void infersShapesWithoutMemory() {
        // computing a million images would take terabytes
        Summary summary = Summary.of(new D2lResNet18(10), new Shape(1_000_000, 1, 224, 224), 9);
        assertEquals(11_178_378, summary.trainableParameters());
    }

    @Test
    void tensorNamesEqualTorchvisions() {
        try (Network network = network(0)) {
            Map<String, Parameter> tensors = network.parameters();
            assertEquals(new Shape(64, 1, 7, 7), tensors.get("conv1.weight").getShape());
            assertEquals(new Shape(64), tensors.get("bn1.running_mean").getShape());
            assertEquals(
                    new Shape(128, 64, 1, 1),
                    tensors.get("layer2.0.downsample.0.weight").getShape());
            assertEquals(
                    new Shape(512, 512, 3, 3), tensors.get("layer4.1.conv2.weight").getShape());
            assertEquals(new Shape(10, 512), tensors.get("fc.weight").getShape());
            assertEquals(new Shape(10), tensors.get("fc.bias").getShape());
            // stem 2 + 4, eight residuals of 2·(2 + 4), three projections of 2, head 2
            assertEquals(6 + 8 * 12 + 3 * 2 + 2, tensors.size());
        }
    }

    @Test
    void initialWeightsAreHeNormalAndDependOnSeed() {
        try (Network first = network(1);
                Network second = network(1);
                Network other = network(2)) {
            float[] weight = values(first, "layer3.1.conv1.weight");
            assertArrayEquals(weight, values(second, "layer3.1.conv1.weight"));
            assertTrue(weight[0] != values(other, "layer3.1.conv1.weight")[0]);
            double sum = 0;
            double squares = 0;
            double fourth = 0;
            for (float value : weight) {
                sum += value;
                squares += (double) value * value;
                fourth += Math.pow(value, 4);
            }
            double variance = squares / weight.length;
            // 590,000 draws: the bounds are more than five standard errors
            assertEquals(0, sum / weight.length, 5 * Math.sqrt(2.0 / 2304 / weight.length));
            assertEquals(1, variance / (2.0 / (256 * 9)), 0.01);
            assertEquals(3, fourth / weight.length / (variance * variance), 0.05);
            assertArrayEquals(new float[10], values(first, "fc.bias"));
        }
    }

    @Test
    void parametersSurviveDjlFormat() throws IOException, MalformedModelException {
        try (Network network = network(3);
                NDManager manager = NDManager.newBaseManager()) {
            NDArray x = manager.arange(2 * 28 * 28f).div(1568).reshape(2, 1, 28, 28);
            float[] fresh = network.forward(x, false).toFloatArray();
            UnsettledNetwork.unsettle(network);
            ByteArrayOutputStream bytes = new ByteArrayOutputStream();
            network.block().saveParameters(new DataOutputStream(bytes));
            D2lResNet18 loaded = new D2lResNet18(10);
            loaded.loadParameters(
                    manager, new DataInputStream(new ByteArrayInputStream(bytes.toByteArray())));
            ParameterStore store = new ParameterStore(manager, false);
            float[] expected = network.forward(x, false).toFloatArray();
            assertTrue(Math.abs(expected[0] - fresh[0]) > 1e-3, expected[0] + ", " + fresh[0]);
            float[] actual =
                    loaded.forward(store, new NDList(x), false).singletonOrThrow().toFloatArray();
            assertArrayEquals(expected, actual);
            StateDict.of(loaded)
                    .forEach(
                            (name, parameter) ->
                                    assertArrayEquals(
                                            values(network, name),
                                            parameter.getArray().toFloatArray(),
                                            name));
        }
    }

    @Test
    void enginesAgree(@TempDir Path folder) throws IOException, InterruptedException {
        boolean pytorch = Engine.getInstance().getEngineName().equals("PyTorch");
        Path file = folder.resolve("logits.txt");
        Process process =
                new ProcessBuilder(
                                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                                "-Dai.djl.offline=true",
                                "-DOPT_OUT_TRACKING=true",
                                "-Dai.djl.default_engine=" + (pytorch ? "MXNet" : "PyTorch"),
                                "-cp",
                                System.getProperty("java.class.path"),
                                EngineLogits.class.getName(),
                                file.toString())
                        .redirectErrorStream(true)
                        .redirectOutput(folder.resolve("output.txt").toFile())
                        .start();
        assertTrue(process.waitFor(2, TimeUnit.MINUTES));
        assertEquals(0, process.exitValue(), Files.readString(folder.resolve("output.txt")));
        List<String> lines = Files.readAllLines(file);
        assertEquals(pytorch ? "MXNet" : "PyTorch", lines.get(0));
        float[] here = EngineLogits.compute();
        assertEquals(here.length, lines.size() - 1);
        for (int i = 0; i < here.length; i++) {
            float there = Float.parseFloat(lines.get(i + 1));
            assertEquals(here[i], there, 1e-4 * Math.max(1, Math.abs(here[i])));
        }
    }

    @Test
    void freshNetworksReuseDirectMemory() {
        network(1).close();
        long before = directBytes();
        network(2).close();
        assertTrue(directBytes() - before < 1 << 20);
    }

    private static long directBytes() {
        return ManagementFactory.getPlatformMXBeans(BufferPoolMXBean.class).stream()
                .filter(pool -> pool.getName().equals("direct"))
                .mapToLong(BufferPoolMXBean::getMemoryUsed)
                .sum();
    }

    private static Network network(long seed) {
        return Network.create("d2l-resnet18", 1, CLASSES, seed, Device.cpu());
    }

    private static float[] values(Network network, String tensor) {
        return network.parameters().get(tensor).getArray().toFloatArray();
    }
}
