package org.djlresnet.model;

import static org.junit.jupiter.api.Assertions.assertEquals;

import ai.djl.Device;
import ai.djl.engine.Engine;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Block;
import ai.djl.training.ParameterStore;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.djlresnet.block.Autoencoder;
import org.djlresnet.block.NamedModules;
import org.djlresnet.engine.EngineTraits;
import org.djlresnet.image.ImageShape;
import org.djlresnet.image.Preprocessing;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Runs the published autoencoders of each depth, and tests the shapes in them. */
class AutoencoderShapesTest {

    private static final List<String> STAGES = List.of("layer1", "layer2", "layer3", "layer4");

    @BeforeAll
    static void recordInCollectorsOnly() {
        EngineTraits.of(Engine.getInstance()).disableRecording();
    }

    static Stream<Arguments> depths() {
        return Stream.of(
                Arguments.of(0, List.of(1, 1, 1, 1)),
                Arguments.of(1, List.of(1, 2, 2, 1)),
                Arguments.of(2, List.of(2, 3, 4, 2)),
                Arguments.of(3, List.of(3, 4, 6, 3)));
    }

    @ParameterizedTest
    @MethodSource("depths")
    void stagesHaveThePublishedBlocksAndShapes(int depth, List<Integer> blocks) {
        ImageShape image = new ImageShape(3, 32, 32);
        Autoencoding output = new Autoencoding(image, 256, Likelihood.BERNOULLI, true, List.of());
        Specification specification =
                new Specification("vae-resnet:" + depth, 3, output, Preprocessing.exact(image));
        try (Network network = Network.create(specification, 0, Device.cpu());
                NDManager manager = network.manager().newSubManager()) {
            Autoencoder autoencoder = (Autoencoder) network.block();
            Map<String, Block> encoder = autoencoder.encoder().modules();
            Map<String, Block> decoder = autoencoder.decoder().modules();
            for (Map<String, Block> part : List.of(encoder, decoder)) {
                assertEquals(
                        blocks,
                        STAGES.stream()
                                .map(stage -> ((NamedModules) part.get(stage)).modules().size())
                                .toList());
            }
            Shape pixels = new Shape(1, 3, 32, 32);
            assertEquals(
                    List.of(
                            new Shape(1, 256, 32, 32),
                            new Shape(1, 512, 16, 16),
                            new Shape(1, 1024, 8, 8),
                            new Shape(1, 2048, 4, 4),
                            new Shape(1, 1024, 4, 4)),
                    shapes(manager, encoder, "conv9", pixels));
            assertEquals(
                    List.of(
                            new Shape(1, 256, 4, 4),
                            new Shape(1, 512, 8, 8),
                            new Shape(1, 1024, 16, 16),
                            new Shape(1, 2048, 32, 32),
                            pixels),
                    shapes(manager, decoder, "out", new Shape(1, 64, 4, 4)));
            Shape codes = new Shape(1, 256);
            NDList inputs = new NDList(manager.zeros(pixels), manager.zeros(codes));
            NDList found = network.forward(inputs, false);
            assertEquals(
                    List.of(pixels, codes, codes),
                    found.stream().limit(3).map(NDArray::getShape).toList());
        }
    }

    /** Returns the output shapes of the stages, and of another module after them. */
    private static List<Shape> shapes(
            NDManager manager, Map<String, Block> modules, String last, Shape input) {
        List<Shape> shapes = new ArrayList<>();
        NDList values = new NDList(manager.ones(input));
        for (String name : Stream.concat(STAGES.stream(), Stream.of(last)).toList()) {
            values = modules.get(name).forward(new ParameterStore(manager, false), values, false);
            shapes.add(values.singletonOrThrow().getShape());
        }
        return shapes;
    }
}
