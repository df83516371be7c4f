package org.djlresnet.training;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.IntStream;
import org.djlresnet.QuadrantImages;
import org.djlresnet.UserException;
import org.djlresnet.data.ImageDataset;
import org.djlresnet.image.PixelType;
import org.djlresnet.recipe.Recipe;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Data that a run must not start on. */
@Tag("engine")
class TrainingDataRunTest {

    @TempDir Path dir;

    private static ImageDataset data(int size, int classes, int... labels) {
        long[] shape = {labels.length, 1, size, size};
        return ImageDataset.of(
                ByteBuffer.allocateDirect(labels.length * size * size),
                PixelType.UINT8,
                shape,
                labels,
                IntStream.range(0, classes).mapToObj(Integer::toString).toList());
    }

    private static Recipe recipe(String more) {
        return QuadrantImages.recipe(
                "{'model': 'cifar-resnet20', 'epochs': 1, 'batch_size': 2, 'lr': 0" + more + "}");
    }

    private String rejection(ImageDataset train, ImageDataset test) {
        Path folder = dir.resolve("run");
        String message =
                assertThrows(
                                UserException.class,
                                () -> TrainingRun.prepare(recipe(""), train, test, folder))
                        .getMessage();
        assertFalse(Files.exists(folder), "a rejected run leaves no folder");
        return message;
    }

    @Test
    void rejectsOneClass() {
        ImageDataset one = data(8, 2, 0, 0, 0);
        assertTrue(rejection(one, data(8, 2, 0, 1)).startsWith("Training needs examples of at"));
    }

    @Test
    void rejectsDifferentImageSizesUnlessResized() {
        ImageDataset train = data(8, 2, 0, 1);
        ImageDataset test = data(9, 2, 0, 1);
        assertTrue(rejection(train, test).contains("Received: 8×8 and 9×9 pixels."));
        TrainingRun.prepare(recipe(", 'image_size': 8"), train, test, null).network().close();
    }

    @Test
    void warnsAboutGapsInLabels() {
        ImageDataset gaps = data(8, 20, 0, 19);
        TrainingRun run = TrainingRun.prepare(recipe(""), gaps, gaps, null);
        run.network().close();
        assertTrue(run.warning().startsWith("18 of 20 classes have no example."));
        ImageDataset sound = data(8, 2, 0, 1);
        run = TrainingRun.prepare(recipe(""), sound, sound, null);
        run.network().close();
        assertNull(run.warning());
    }

    @Test
    void measuresManyClassesInLittleMemory() {
        // a confusion matrix would take 80 GB
        ImageDataset many = data(8, 100_000, 0, 99_999);
        TrainingRun run = TrainingRun.prepare(recipe(""), many, many, null);
        run.trainer().run();
        run.network().close();
        assertEquals(1, run.trainer().progress().rows().size());
    }
}
