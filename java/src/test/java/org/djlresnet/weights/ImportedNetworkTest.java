package org.djlresnet.weights;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.Device;
import ai.djl.engine.Engine;
import ai.djl.inference.Predictor;
import ai.djl.modality.Classifications;
import ai.djl.modality.cv.Image;
import ai.djl.modality.cv.ImageFactory;
import ai.djl.repository.zoo.Criteria;
import ai.djl.repository.zoo.ZooModel;
import ai.djl.training.initializer.Initializer;
import ai.djl.translate.DeferredTranslatorFactory;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.DoubleSummaryStatistics;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.djlresnet.FormulaValues;
import org.djlresnet.checkpoint.SafetensorsFile;
import org.djlresnet.engine.EngineTraits;
import org.djlresnet.model.Classes;
import org.djlresnet.model.Models;
import org.djlresnet.model.Network;
import org.djlresnet.model.Specification;
import org.djlresnet.model.StateDict;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Compares an exported folder in DJL's {@code Criteria} with torchvision's transforms and network,
 * on image files of many sizes and modes.
 *
 * <p>tests/golden/imported_network.py creates the files and defines the weights.
 */
class ImportedNetworkTest {

    private static final int CLASSES = 10;

    /** Relative to the spread of a class's logits over the images. */
    private static final double TOLERANCE = 1e-3;

    /** Java's decoders ignore the orientation of photographs and do not support CMYK. */
    private static final String NOT_FOR_JAVA = ".*(turned|cmyk).*";

    @TempDir Path folder;

    @Test
    void criteriaMatchTorchvision() throws Exception {
        EngineTraits.of(Engine.getInstance()).disableRecording();
        Path place = folder.resolve("served");
        try (Network network = network()) {
            DjlFolder.write(place, network, network.specification().requirePreprocessing());
        }
        double[][] expected = expected();
        List<Path> files = files();
        assertEquals(files.size(), expected.length);
        double spread = spread(expected);
        Criteria<Image, Classifications> criteria =
                Criteria.builder()
                        .setTypes(Image.class, Classifications.class)
                        .optModelPath(place)
                        .optTranslatorFactory(new DeferredTranslatorFactory())
                        .build();
        int compared = 0;
        try (ZooModel<Image, Classifications> model = criteria.loadModel();
                Predictor<Image, Classifications> predictor = model.newPredictor()) {
            for (int i = 0; i < expected.length; i++) {
                Path file = files.get(i);
                if (file.getFileName().toString().matches(NOT_FOR_JAVA)) {
                    continue;
                }
                Classifications found =
                        predictor.predict(ImageFactory.getInstance().fromFile(file));
                assertClose(file, found, expected[i], TOLERANCE * spread);
                compared++;
            }
        }
        assertEquals(17, compared);
    }

    private static void assertClose(
            Path file, Classifications found, double[] logits, double tolerance) {
        double normalizer = Math.log(Arrays.stream(logits).map(Math::exp).sum());
        double largest = 0;
        for (int c = 0; c < CLASSES; c++) {
            double logProbability = Math.log(found.get(Integer.toString(c)).getProbability());
            largest = Math.max(largest, Math.abs(logProbability - (logits[c] - normalizer)));
        }
        assertTrue(largest <= tolerance, file + ": " + largest + ", allowed " + tolerance);
    }

    /** Returns the largest spread of a class's logits. */
    private static double spread(double[][] logits) {
        double spread = 0;
        for (int i = 0; i < CLASSES; i++) {
            int c = i;
            DoubleSummaryStatistics ofClass =
                    Arrays.stream(logits).mapToDouble(row -> row[c]).summaryStatistics();
            spread = Math.max(spread, ofClass.getMax() - ofClass.getMin());
        }
        return spread;
    }

    private static Path golden(String name) {
        try {
            return Path.of(ImportedNetworkTest.class.getResource("/golden/" + name).toURI());
        } catch (URISyntaxException impossible) {
            throw new AssertionError(impossible);
        }
    }

    private static List<Path> files() throws IOException {
        try (Stream<Path> files = Files.list(golden("photographs"))) {
            return files.sorted().toList();
        }
    }

    private static double[][] expected() {
        try (SafetensorsFile file = SafetensorsFile.read(golden("photographs.safetensors"))) {
            FloatBuffer values =
                    file.data("torchvision").order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer();
            double[][] logits = new double[values.remaining() / CLASSES][CLASSES];
            for (double[] row : logits) {
                for (int c = 0; c < CLASSES; c++) {
                    row[c] = values.get();
                }
            }
            return logits;
        }
    }

    private static Network network() {
        Models.Model entry = Models.get("resnet18");
        Specification specification = entry.specification(3, Classes.numbered(CLASSES));
        Map<String, Initializer> values = new HashMap<>();
        for (String tensor : StateDict.of(entry.build(specification.output())).keySet()) {
            values.put(
                    tensor,
                    (manager, shape, type) ->
                            manager.create(FormulaValues.weights(tensor, shape), shape));
        }
        return Network.of(specification, Device.cpu(), values, 0);
    }
}
