package org.djlresnet.weights;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.Model;
import ai.djl.engine.Engine;
import ai.djl.inference.Predictor;
import ai.djl.modality.Classifications;
import ai.djl.modality.cv.Image;
import ai.djl.modality.cv.ImageFactory;
import ai.djl.repository.zoo.Criteria;
import ai.djl.repository.zoo.ZooModel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.djlresnet.UserException;
import org.djlresnet.model.Network;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The engine of an exported folder: another default engine must not change what it answers. */
@Tag("engine")
class DjlFolderEngineTest {

    @TempDir Path folder;

    @Test
    void folderRecordsItsEngineAndRejectsAnother() throws Exception {
        Path place = folder.resolve("served");
        String engine = Engine.getInstance().getEngineName();
        String other = engine.equals("PyTorch") ? "MXNet" : "PyTorch";
        try (Network network = DjlFolderTest.learned("cifar-resnet20", 3)) {
            DjlFolder.write(place, network, DjlFolderTest.plain(3));
        }
        Path properties = place.resolve("serving.properties");
        String written = Files.readString(properties);
        assertTrue(written.startsWith("engine=" + engine + "\n"), written);
        Map<String, String> arguments =
                Map.of(
                        "engine",
                        other,
                        "network",
                        "cifar-resnet20",
                        "classes",
                        "3",
                        "preprocessing",
                        DjlFolderTest.plain(3).toJson());
        try (Model model = Model.newInstance("served")) {
            String message =
                    assertThrows(
                                    UserException.class,
                                    () -> new NetworkFactory().newBlock(model, place, arguments))
                            .getMessage();
            assertEquals(
                    String.format(
                            "%1$s needs the engine %2$s. Received: %3$s. Choose it with"
                                    + " Criteria.Builder.optEngine(\"%2$s\").",
                            place, other, engine),
                    message);
        }
    }

    /** Prints the engine that serves a folder and the probability of its first class. */
    static final class Served {
        public static void main(String[] args) throws Exception {
            Criteria<Image, Classifications> criteria =
                    Criteria.builder()
                            .setTypes(Image.class, Classifications.class)
                            .optModelPath(Path.of(args[0]))
                            .build();
            try (ZooModel<Image, Classifications> model = criteria.loadModel();
                    Predictor<Image, Classifications> predictor = model.newPredictor()) {
                Image image = ImageFactory.getInstance().fromImage(DjlFolderTest.image(false));
                System.out.println(
                        model.getNDManager().getEngine().getEngineName()
                                + " "
                                + predictor
                                        .predict(image)
                                        .get(DjlFolderTest.CLASSES.get(0))
                                        .getProbability());
            }
        }
    }

    @Test
    void servesWithItsEngineIfAnotherIsTheDefault() throws Exception {
        Path place = folder.resolve("served");
        String engine = Engine.getInstance().getEngineName();
        float[] expected;
        try (Network network = DjlFolderTest.learned("cifar-resnet20", 3)) {
            DjlFolder.write(place, network, DjlFolderTest.plain(3));
            expected = DjlFolderTest.expected(network);
        }
        Path out = folder.resolve("out.txt");
        Process process =
                new ProcessBuilder(
                                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                                "-Dai.djl.default_engine="
                                        + (engine.equals("PyTorch") ? "MXNet" : "PyTorch"),
                                "-Dai.djl.offline=true",
                                "-DOPT_OUT_TRACKING=true",
                                "-cp",
                                System.getProperty("java.class.path"),
                                Served.class.getName(),
                                place.toString())
                        .redirectError(folder.resolve("err.txt").toFile())
                        .redirectOutput(out.toFile())
                        .start();
        assertEquals(0, process.waitFor(), Files.readString(folder.resolve("err.txt")));
        String[] printed = Files.readString(out).strip().split(" ");
        assertEquals(engine, printed[0]);
        assertEquals(expected[0], Double.parseDouble(printed[1]), 1e-5);
    }
}
