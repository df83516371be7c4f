package org.djlresnet.training;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.Device;
import ai.djl.Model;
import ai.djl.inference.Predictor;
import ai.djl.modality.Classifications;
import ai.djl.modality.cv.Image;
import ai.djl.modality.cv.ImageFactory;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Block;
import ai.djl.nn.Blocks;
import ai.djl.nn.SequentialBlock;
import ai.djl.nn.convolutional.Conv2d;
import ai.djl.nn.core.Linear;
import ai.djl.nn.norm.BatchNorm;
import ai.djl.repository.zoo.Criteria;
import ai.djl.repository.zoo.ZooModel;
import ai.djl.training.dataset.ArrayDataset;
import java.awt.image.BufferedImage;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.djlresnet.QuadrantImages;
import org.djlresnet.UserException;
import org.djlresnet.data.DjlDatasets;
import org.djlresnet.data.ImageDataset;
import org.djlresnet.image.ImageShape;
import org.djlresnet.model.Models;
import org.djlresnet.model.Network;
import org.djlresnet.recipe.Recipe;
import org.djlresnet.weights.DjlFolder;
import org.djlresnet.weights.NetworkFactory;
import org.djlresnet.weights.NetworkTranslatorFactory;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A DJL dataset and a DJL block go in; a DJL model comes out. */
@Tag("engine")
class DjlTypesTest {

    private static final int SIDE = 8;
    private static final int COUNT = 32;
    private static final List<String> NAMES = List.of("dark", "bright");

    @TempDir Path dir;

    private ImageDataset examples;

    @BeforeAll
    static void register() {
        Models.register("own-net", new ImageShape(1, SIDE, SIDE), DjlTypesTest::block);
    }

    private static Block block(int classes) {
        return new SequentialBlock()
                .add(Conv2d.builder().setKernelShape(new Shape(3, 3)).setFilters(4).build())
                .add(BatchNorm.builder().build())
                .add(Blocks.batchFlattenBlock())
                .add(Linear.builder().setUnits(classes).build());
    }

    @BeforeEach
    void read() throws Exception {
        byte[] pixels = new byte[COUNT * SIDE * SIDE];
        for (int i = 0; i < pixels.length; i++) {
            boolean bright = i / (SIDE * SIDE) % 2 == 1;
            pixels[i] = (byte) (bright ? 200 + i % 50 : i % 50);
        }
        try (NDManager manager = NDManager.newBaseManager()) {
            NDArray images =
                    manager.create(
                            ByteBuffer.wrap(pixels),
                            new Shape(COUNT, 1, SIDE, SIDE),
                            DataType.UINT8);
            ArrayDataset dataset =
                    new ArrayDataset.Builder()
                            .setData(images)
                            .optLabels(manager.arange(COUNT).mod(2))
                            .setSampling(4, false)
                            .build();
            examples = DjlDatasets.read(dataset, NAMES);
        }
    }

    private TrainingRun train(String model, Path folder) {
        Recipe recipe =
                Recipe.builder()
                        .optModel(model)
                        .optEpochs(3)
                        .optBatchSize(8)
                        .optEngine(QuadrantImages.onPyTorch() ? "pytorch" : "mxnet")
                        .optDevice("cpu")
                        .build();
        TrainingRun run = TrainingRun.prepare(recipe, examples, examples, folder);
        run.trainer().run();
        return run;
    }

    private static Image image(int level) {
        BufferedImage image = new BufferedImage(SIDE, SIDE, BufferedImage.TYPE_INT_RGB);
        for (int i = 0; i < SIDE * SIDE; i++) {
            image.setRGB(i % SIDE, i / SIDE, level * 0x10101);
        }
        return ImageFactory.getInstance().fromImage(image);
    }

    private static double[] probabilities(Predictor<Image, Classifications> predictor)
            throws Exception {
        double[] bright = new double[2];
        for (int i = 0; i < 2; i++) {
            Classifications answer = predictor.predict(image(i == 0 ? 20 : 230));
            assertEquals(NAMES.size(), answer.getClassNames().size());
            bright[i] = answer.get("bright").getProbability();
        }
        return bright;
    }

    private static double[] served(Criteria<Image, Classifications> criteria) throws Exception {
        try (ZooModel<Image, Classifications> model = criteria.loadModel();
                Predictor<Image, Classifications> predictor = model.newPredictor()) {
            return probabilities(predictor);
        }
    }

    @Test
    void trainsForeignBlockAndServesItsRun() throws Exception {
        Path folder = dir.resolve("run");
        double[] expected;
        TrainingRun run = train("own-net", folder);
        try (Network network = run.network();
                Model model = DjlFolder.model(network);
                Predictor<Image, Classifications> predictor =
                        model.newPredictor(DjlFolder.translator(network))) {
            expected = probabilities(predictor);
            assertTrue(expected[0] < 0.5 && expected[1] > 0.5, Arrays.toString(expected));
        }
        // the run's best epoch is another than its last one
        Files.delete(folder.resolve("best.safetensors"));
        assertArrayEquals(expected, served(DjlFolder.criteria(folder).build()), 1e-5);
    }

    @Test
    void startsFromTheWeightsOfForeignModel() {
        try (Model trained = Model.newInstance("trained")) {
            Block block = block(2);
            block.initialize(trained.getNDManager(), DataType.FLOAT32, new Shape(1, 1, SIDE, SIDE));
            float[] weights = block.getParameters().valueAt(0).getArray().toFloatArray();
            trained.setBlock(block);
            Models.register(
                    "trained-net", new ImageShape(1, SIDE, SIDE), classes -> trained.getBlock());
            try (Network network = Network.create("trained-net", 1, NAMES, 1, Device.cpu())) {
                NDArray first = network.stateDict().values().iterator().next();
                assertArrayEquals(weights, first.toFloatArray());
            }
        }
    }

    @Test
    void plainCriteriaLoadRunFolderThroughTheFactories() throws Exception {
        Path folder = dir.resolve("run");
        train("cifar-resnet20", folder).network().close();
        double[] expected = served(DjlFolder.criteria(folder).build());
        Criteria<Image, Classifications> criteria =
                Criteria.builder()
                        .setTypes(Image.class, Classifications.class)
                        .optModelPath(folder)
                        .optArgument("blockFactory", NetworkFactory.class.getName())
                        .optOption("hasParameter", "false")
                        .optTranslatorFactory(new NetworkTranslatorFactory())
                        .build();
        assertArrayEquals(expected, served(criteria), 0);
    }

    @Test
    void criteriaRejectFolderWithoutCheckpoint() {
        String message =
                assertThrows(UserException.class, () -> DjlFolder.criteria(dir)).getMessage();
        assertEquals(dir + " is not a run folder: it has no checkpoint.", message);
    }

    @Test
    void rejectsTakenNames() {
        assertThrows(
                UserException.class,
                () -> Models.register("resnet18", new ImageShape(1, 8, 8), classes -> null));
    }
}
