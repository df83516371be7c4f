package org.djlresnet.augment;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import java.util.ArrayList;
import java.util.List;
import org.djlresnet.UserException;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** A "network" that records its images, and returns ten to the number of calls before. */
@Tag("engine")
class TestViewsTest {

    private static final float[] IMAGE = {1, 2, 3, 4, 5, 6, 7, 8, 9};

    private final List<float[]> seen = new ArrayList<>();

    private NDArray network(NDArray images) {
        seen.add(images.toFloatArray());
        float[] logits = {(float) Math.pow(10, seen.size() - 1), 0};
        return images.getManager().create(logits, new Shape(1, 2));
    }

    private float[] logits(String views) {
        try (NDManager manager = NDManager.newBaseManager()) {
            NDArray image = manager.create(IMAGE, new Shape(1, 1, 3, 3));
            return TestViews.of(views).logits(this::network, image).toFloatArray();
        }
    }

    @Test
    void theImageAloneIsUnchanged() {
        assertArrayEquals(new float[] {1, 0}, logits(null));
        assertArrayEquals(IMAGE, seen.get(0));
    }

    @Test
    void flipAveragesTheImageAndItsMirrorImage() {
        assertArrayEquals(new float[] {5.5f, 0}, logits("flip"));
        assertArrayEquals(IMAGE, seen.get(0));
        assertArrayEquals(new float[] {3, 2, 1, 6, 5, 4, 9, 8, 7}, seen.get(1));
    }

    @Test
    void shiftGivesHalfTheWeightToTheImage() {
        assertArrayEquals(new float[] {0.5f + 2.5f + 25, 0}, logits("shift"));
        assertEquals(3, seen.size());
        assertArrayEquals(IMAGE, seen.get(0));
        assertArrayEquals(new float[] {5, 4, 5, 2, 1, 2, 5, 4, 5}, seen.get(1));
        assertArrayEquals(new float[] {5, 6, 5, 8, 9, 8, 5, 6, 5}, seen.get(2));
    }

    @Test
    void bothMirrorEveryShift() {
        float expected = (1 + 10) / 4f + (100 + 1000 + 10000 + 100000) / 8f;
        assertArrayEquals(new float[] {expected, 0}, logits("shift,flip"));
        assertArrayEquals(new float[] {3, 2, 1, 6, 5, 4, 9, 8, 7}, seen.get(1));
        assertArrayEquals(new float[] {5, 4, 5, 2, 1, 2, 5, 4, 5}, seen.get(2));
        assertArrayEquals(new float[] {5, 6, 5, 8, 9, 8, 5, 6, 5}, seen.get(5));
    }

    @Test
    void rejectsUnknownViewsAndImagesWithoutRoom() {
        assertEquals(
                "Unknown view for test-time augmentation. Received: 'flop'. Did you mean 'flip'?"
                        + " Allowed: flip, shift.",
                assertThrows(UserException.class, () -> TestViews.of("flop")).getMessage());
        try (NDManager manager = NDManager.newBaseManager()) {
            NDArray line = manager.create(IMAGE, new Shape(1, 1, 1, 9));
            assertEquals(
                    "The view 'shift' reflects the image's border. Received: images of 1×9 pixels."
                            + " Allowed: at least 2×2. Omit the view.",
                    assertThrows(
                                    UserException.class,
                                    () -> TestViews.of("shift").logits(this::network, line))
                            .getMessage());
        }
    }
}
