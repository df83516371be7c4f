package org.djlresnet.data;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.nio.ByteBuffer;
import java.util.List;
import java.util.stream.IntStream;
import org.djlresnet.UserException;
import org.djlresnet.image.PixelType;
import org.junit.jupiter.api.Test;

class DataChecksTest {

    private static Examples labelled(List<String> names, int... labels) {
        long[] shape = {labels.length, 1, 1, 1};
        ByteBuffer pixels = ByteBuffer.allocateDirect(labels.length);
        return ImageDataset.of(pixels, PixelType.UINT8, shape, labels, names);
    }

    private static String check(Examples examples) {
        return DataChecks.checkClasses(examples, examples);
    }

    private static List<String> numbers(int classes) {
        return IntStream.range(0, classes).mapToObj(Integer::toString).toList();
    }

    private static Examples sized(int height, int width) {
        ByteBuffer pixels = ByteBuffer.allocateDirect(height * width);
        long[] shape = {1, 1, height, width};
        return ImageDataset.of(pixels, PixelType.UINT8, shape, new int[1], List.of("a"));
    }

    @Test
    void rejectsOneClass() {
        for (List<String> names : List.of(numbers(4), List.of("a", "b", "c", "d"))) {
            Examples one = labelled(names, 3, 3, 3);
            assertEquals(
                    "Training needs examples of at least 2 classes. Received: 3 training examples,"
                            + " all with label 3.",
                    assertThrows(UserException.class, () -> DataChecks.checkClasses(one, one))
                            .getMessage());
        }
    }

    @Test
    void warnsAboutLabelsThatDoNotStartAtZero() {
        assertEquals(
                "253 of 256 classes have no example. Received: 3 different labels, up to"
                        + " 255. Number the classes from 0 without gaps.",
                check(labelled(numbers(256), 0, 255, 1, 0)));
        // labels from 1, as in EMNIST, and a few missing classes are fine
        assertNull(check(labelled(numbers(4), 1, 2, 3)));
        assertNull(check(labelled(numbers(4), 0, 2)));
        // a class that only the test half has counts
        assertNull(DataChecks.checkClasses(labelled(numbers(5), 0, 1), labelled(numbers(5), 0, 4)));
        assertNull(check(labelled(List.of("a", "b", "c", "d", "e"), 0, 2)));
    }

    @Test
    void rejectsImagesOfDifferentSizes() {
        assertDoesNotThrow(() -> DataChecks.requireSameSize(sized(2, 3), sized(2, 3)));
        assertEquals(
                "Training and test images must have the same size. Received: 2×3 and 3×2 pixels. Set"
                        + " \"image_size\" to resize both.",
                assertThrows(
                                UserException.class,
                                () -> DataChecks.requireSameSize(sized(2, 3), sized(3, 2)))
                        .getMessage());
    }
}
