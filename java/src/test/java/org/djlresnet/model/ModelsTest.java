package org.djlresnet.model;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Block;
import ai.djl.nn.Parameter;
import java.util.ArrayList;
import java.util.List;
import org.djlresnet.UserException;
import org.djlresnet.block.Shortcut;
import org.djlresnet.block.StridePlacement;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Compares networks with published numbers, computed from shapes only. */
class ModelsTest {

    private static Summary summary(String name) {
        Models.Model model = Models.get(name);
        return Summary.of(model.build(model.output()), new Shape(model.input().batch(1)), 1);
    }

    /** torchvision's numbers: parameters, and GFLOPs (multiply-adds) at 224×224. */
    @ParameterizedTest
    @CsvSource({
        "resnet18, 11689512, 1.814",
        "resnet34, 21797672, 3.664",
        "resnet50, 25557032, 4.089",
        "resnet101, 44549160, 7.801",
        "resnet152, 60192808, 11.514",
        "wide_resnet50_2, 68883240, 11.398",
        "resnext50_32x4d, 25028904, 4.230"
    })
    void torchvisionsCounts(String name, long parameters, double billions) {
        assertEquals(parameters, summary(name).trainableParameters());
        assertEquals(billions, summary(name).multiplyAdds() / 1e9, 0.005 * billions);
    }

    /** Option A from a well-known reimplementation; the rest is the sum of its layers. */
    @ParameterizedTest
    @CsvSource({"20, 269722", "32, 464154", "44, 658586", "56, 853018", "110, 1727962"})
    void cifarCounts(int depth, long optionA) {
        assertEquals(optionA, summary("cifar-resnet" + depth).trainableParameters());
        if (depth <= 56) {
            assertEquals(optionA, summary("plain" + depth).trainableParameters());
        }
        // two projections, 16 → 32 and 32 → 64, with their batch normalizations
        assertEquals(
                optionA + 16 * 32 + 2 * 32 + 32 * 64 + 2 * 64,
                summary("cifar-resnet" + depth + "+option_b").trainableParameters());
    }

    /**
     * Counts of another implementation, imgclsmob. Its networks for photographs normalize twice
     * between stem and first block, where the paper does once: 128 more parameters.
     */
    @ParameterizedTest
    @CsvSource({
        "18, 11687720",
        "34, 21795880",
        "50, 25549352",
        "101, 44541480",
        "152, 60185128",
        "110, 1730522",
        "164, 1703258",
        "1001, 10327706"
    })
    void preactivationCounts(int depth, long parameters) {
        assertEquals(parameters, summary("preact-resnet" + depth).trainableParameters());
    }

    @ParameterizedTest
    @CsvSource({"20, 304378", "56, 887674"})
    void studyCounts(int depth, long parameters) {
        assertEquals(parameters, summary("study-resnet" + depth).trainableParameters());
        assertEquals(parameters, summary("study-plain" + depth).trainableParameters());
    }

    @Test
    void multiplyAddsOfPlainCifarNetworkEqualFormula() {
        // k·k·in·out·height·width of each convolution at 32×32, by hand
        long stem = 9L * 3 * 16 * 32 * 32;
        long stage1 = 6 * 9L * 16 * 16 * 32 * 32;
        long stage2 = (9L * 16 * 32 + 5 * 9L * 32 * 32) * 16 * 16;
        long stage3 = (9L * 32 * 64 + 5 * 9L * 64 * 64) * 8 * 8;
        long expected = stem + stage1 + stage2 + stage3 + 64 * 10;
        assertEquals(expected, summary("plain20").multiplyAdds());
        assertEquals(expected, summary("cifar-resnet20").multiplyAdds());
        // the study's last block of a stage keeps the channels in its first convolution and halves
        // the map in its second
        long wide = 5 * 9L * 16 * 16 * 32 * 32 + 9L * 16 * 32 * 16 * 16;
        long middle = 5 * 9L * 32 * 32 * 16 * 16 + 9L * 32 * 64 * 8 * 8;
        long narrow = 6 * 9L * 64 * 64 * 8 * 8;
        assertEquals(
                stem + wide + middle + narrow + 64 * 10, summary("study-plain20").multiplyAdds());
    }

    /** timm's resnet50d: 25,576,264 parameters, 4.35 billion multiply-adds. */
    @Test
    void resnetDCounts() {
        Summary summary = summary("resnet50+deep_stem+pooled_shortcut");
        assertEquals(25_576_264, summary.trainableParameters());
        assertEquals(4.35, summary.multiplyAdds() / 1e9, 0.005 * 4.35);
    }

    @Test
    void strideIn1x1ConvolutionSavesOnlyMultiplyAdds() {
        Summary original = summary("resnet50+stride_in_1x1");
        assertEquals(25_557_032, original.trainableParameters());
        // torchvision's 4.089 billion, less three quarters of three 1×1 convolutions, each of
        // 256·128·56·56; He et al. (2015), table 1, cut this to 3.8
        double expected = 4.089 - 3 * 0.75 * 256 * 128 * 56 * 56 / 1e9;
        assertEquals(expected, original.multiplyAdds() / 1e9, 0.005 * expected);
    }

    /** By hand: convolutions, batch normalizations, and the linear layer. */
    @Test
    void fastNetworksHaveTheCountsOfTheirLayers() {
        long stages = 0;
        long adds = 16 * 9 * 28 * 28;
        int[][] layers = {{16, 64, 28, 14}, {64, 128, 14, 7}, {128, 256, 7, 3}};
        for (int[] layer : layers) {
            long first = 9L * layer[0] * layer[1];
            long second = 9L * layer[1] * layer[1];
            stages += first + second + 4 * layer[1];
            adds += first * layer[2] * layer[2] + second * layer[3] * layer[3];
        }
        assertEquals(16 * 9 + 16 + stages + 2560, summary("fashion-net").trainableParameters());
        assertEquals(adds + 2560, summary("fashion-net").multiplyAdds());
        // the whitening weight and the scales of batch normalization are not trained
        long groups = 9 * (24 * 64 + 64 * 64 + 64 * 256 + 3 * 256 * 256) + 2 * (64 + 256 + 256);
        Summary airbench = summary("airbench94");
        assertEquals(24 + groups + 2560, airbench.trainableParameters());
        assertEquals(
                24 * 12 + 3 * 2 * (64 + 256 + 256),
                airbench.parameters() - airbench.trainableParameters());
        assertEquals(List.of(24L, 96L, 192L, 384L), widths("fashion-net+width_1.5"));
        assertEquals(List.of(24L, 32L, 128L, 128L), widths("airbench94+half_width"));
    }

    /** The output channels of the first convolution and of the first one in each stage. */
    private static List<Long> widths(String name) {
        Models.Model model = Models.get(name);
        return Summary.of(model.build(10), new Shape(model.input().batch(1)), 3).layers().stream()
                .filter(layer -> layer.name().matches("01[a-z0-9]+|.*/01conv1"))
                .map(layer -> layer.outputShape().get(1))
                .toList();
    }

    @Test
    void rejectsImagesThatPoolingWouldUseUp() {
        assertTrue(
                assertThrows(UserException.class, () -> Models.get("airbench94").requireSize(9, 8))
                        .getMessage()
                        .startsWith(
                                "The images are too small for airbench94. Received: 9×8. Allowed:"
                                        + " 9×9 and larger."));
        Models.get("airbench94").requireSize(9, 9);
        Models.get("fashion-net").requireSize(8, 8);
        Models.get("resnet18").requireSize(1, 1);
    }

    @Test
    void depthsMatchNames() {
        for (String name : Models.names()) {
            if (!name.matches(".*(resnet|resnext|plain)\\d.*")) {
                continue;
            }
            List<String> convolutions = new ArrayList<>();
            StateDict.of(Models.get(name).build(10)).keySet().stream()
                    .filter(tensor -> tensor.matches(".*conv\\d+\\.weight"))
                    .forEach(convolutions::add);
            String depth = name.replaceAll(".*(?:resnet|resnext|plain)(\\d+).*", "$1");
            assertEquals(Integer.parseInt(depth), convolutions.size() + 1, name);
        }
    }

    @Test
    void buildersMatchNamedNetworks() {
        Block built =
                ResNet.builder()
                        .setStages(BlockKind.BOTTLENECK, 3, 4, 6, 3)
                        .optShortcut(Shortcut.POOLED_PROJECTION)
                        .optStem(Stem.DEEP)
                        .optStridePlacement(StridePlacement.FIRST)
                        .setClasses(7)
                        .build();
        Block named = Models.get("resnet50+deep_stem+pooled_shortcut+stride_in_1x1").build(7);
        Shape input = new Shape(1, 3, 96, 96);
        assertEquals(Summary.of(named, input, 9), Summary.of(built, input, 9));
        assertEquals(
                List.copyOf(StateDict.of(named).keySet()),
                List.copyOf(StateDict.of(built).keySet()));
    }

    @Test
    void checksOptions() {
        assertTrue(message("resnet18+stride_in_1x1").contains("Unknown option 'stride_in_1x1'"));
        assertTrue(
                message("resnet50+deep_stm")
                        .contains(
                                "Did you mean 'deep_stem'? Allowed: zero_init_last_gamma, deep_stem, small_stem,"
                                        + " pooled_shortcut, stride_in_1x1."),
                message("resnet50+deep_stm"));
        assertTrue(message("resnet50+").contains("Unknown option ''"));
        assertTrue(message("plain20+option_b").contains("plain20 has no options"));
        assertTrue(message("resnet18+deep_stem+deep_stem").contains("Repeated option"));
        assertTrue(message("resnet19").contains("Did you mean 'resnet18'?"));
        assertTrue(message("resnet18+" + "x".repeat(10_000)).length() < 1000);
        assertTrue(message("x".repeat(10_000)).length() < 1000);
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 7, 21, 2})
    void rejectsInvalidDepths(int depth) {
        String message =
                assertThrows(
                                IllegalArgumentException.class,
                                () -> CifarResNet.builder().setDepth(depth))
                        .getMessage();
        assertTrue(message.contains("6n+2") && message.contains("Received: " + depth), message);
        assertThrows(IllegalArgumentException.class, () -> ResNet.builder().setDepth(depth));
    }

    @Test
    void builderRequiresDepthAndClasses() {
        String classes =
                assertThrows(
                                IllegalArgumentException.class,
                                () -> ResNet.builder().setDepth(18).build())
                        .getMessage();
        assertTrue(classes.contains("classes must be at least 1. Received: 0."), classes);
        String depth =
                assertThrows(
                                IllegalArgumentException.class,
                                () -> PreactResNet.builder().setClasses(3).build())
                        .getMessage();
        assertTrue(depth.contains("needs a depth"), depth);
    }

    @Test
    void tensorsAreInForwardOrder() {
        List<String> names = List.copyOf(StateDict.of(Models.get("resnet50").build(10)).keySet());
        assertEquals("conv1.weight", names.get(0));
        assertEquals(
                List.of(
                        "layer1.0.conv1.weight",
                        "layer1.0.bn1.weight",
                        "layer1.0.bn1.bias",
                        "layer1.0.bn1.running_mean",
                        "layer1.0.bn1.running_var"),
                names.subList(5, 10));
        assertTrue(
                names.indexOf("layer1.0.bn3.weight")
                        < names.indexOf("layer1.0.downsample.0.weight"));
        assertEquals("fc.bias", names.get(names.size() - 1));
        for (Parameter parameter : StateDict.of(Models.get("resnet50").build(10)).values()) {
            assertTrue(!parameter.isInitialized());
        }
    }

    private static String message(String name) {
        return assertThrows(UserException.class, () -> Models.get(name)).getMessage();
    }
}
