package org.djlresnet.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Set;
import org.djlresnet.UserException;
import org.djlresnet.image.PixelType;
import org.djlresnet.image.Preprocessing;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class BatchLoaderTest {

    /** Example i of n is the 1×1×2 image (i, 255 - i) with label i mod 3. */
    private static ImageDataset bytes(int n) {
        ByteBuffer pixels = ByteBuffer.allocateDirect(2 * n);
        int[] labels = new int[n];
        for (int i = 0; i < n; i++) {
            pixels.put(2 * i, (byte) i).put(2 * i + 1, (byte) (255 - i));
            labels[i] = i % 3;
        }
        long[] shape = {n, 1, 1, 2};
        List<String> names = List.of("a", "b", "c");
        return ImageDataset.of(pixels, PixelType.UINT8, shape, labels, names);
    }

    private static float[] images(Batch batch) {
        float[] values = new float[batch.images().remaining() / 4];
        batch.images().asFloatBuffer().get(values);
        return values;
    }

    private static int[] labels(Batch batch) {
        int[] values = new int[batch.labels().remaining() / 4];
        batch.labels().asIntBuffer().get(values);
        return values;
    }

    private static boolean loaderThreadLives() {
        return Thread.getAllStackTraces().keySet().stream()
                .anyMatch(thread -> thread.getName().startsWith("djlresnet-loader"));
    }

    /** Starts a loader that does not change the images. */
    private static BatchLoader started(Examples examples, int batchSize, int[] order) {
        BatchLoader loader =
                new BatchLoader(examples, Preprocessing.exact(examples.shape()), batchSize);
        loader.restart(order);
        return loader;
    }

    @Test
    void gathersScaledExamplesInTheGivenOrder() {
        int[] order = {4, 0, 200, 3, 2};
        try (BatchLoader loader = started(bytes(201), 2, order)) {
            for (int start = 0; start < 5; start += 2) {
                try (Batch batch = loader.next()) {
                    int count = Math.min(2, 5 - start);
                    assertEquals(count, batch.count());
                    assertArrayEquals(new long[] {count, 1, 1, 2}, batch.shape());
                    assertTrue(batch.images().isDirect() && batch.labels().isDirect());
                    for (int i = 0; i < count; i++) {
                        int example = order[start + i];
                        assertEquals(example / 255f, images(batch)[2 * i]);
                        assertEquals((255 - example) / 255f, images(batch)[2 * i + 1]);
                        assertEquals(example % 3, labels(batch)[i]);
                    }
                    assertEquals(count, labels(batch).length);
                }
            }
            assertNull(loader.next());
            assertNull(loader.next());
        }
        assertFalse(loaderThreadLives());
    }

    @Test
    void readsAllExamplesInOrderByDefault() {
        try (BatchLoader loader = started(bytes(7).limit(5), 3, null)) {
            Batch first = loader.next();
            Batch second = loader.next();
            assertArrayEquals(new int[] {0, 1, 2}, labels(first));
            assertArrayEquals(new int[] {0, 1}, labels(second));
            assertNull(loader.next());
        }
    }

    @Test
    void float32IsUnchanged() {
        ByteBuffer pixels = ByteBuffer.allocateDirect(16).order(ByteOrder.nativeOrder());
        pixels.asFloatBuffer().put(new float[] {-3.5f, 1000, 0.1f, 7});
        ImageDataset set =
                ImageDataset.of(
                        pixels,
                        PixelType.FLOAT32,
                        new long[] {2, 2, 1, 1},
                        new int[2],
                        List.of("only"));
        try (BatchLoader loader = started(set, 2, new int[] {1, 0});
                Batch batch = loader.next()) {
            assertArrayEquals(new float[] {0.1f, 7, -3.5f, 1000}, images(batch));
        }
    }

    @Test
    void resizesEveryChannelOfEveryExample() {
        // two examples with two channels of 1×2; doubled by hand as in ResizerTest
        ByteBuffer pixels = ByteBuffer.allocateDirect(32).order(ByteOrder.nativeOrder());
        pixels.asFloatBuffer().put(new float[] {0, 8, 8, 0, 4, 4, 0, 16});
        ImageDataset set =
                ImageDataset.of(
                        pixels,
                        PixelType.FLOAT32,
                        new long[] {2, 2, 1, 2},
                        new int[2],
                        List.of("only"));
        Preprocessing doubled = Preprocessing.exact(set.shape()).withImageSize(4);
        try (BatchLoader loader = new BatchLoader(set, doubled, 2)) {
            loader.restart(null);
            Batch batch = loader.next();
            assertArrayEquals(new long[] {2, 2, 4, 4}, batch.shape());
            float[][] rows = {{0, 2, 6, 8}, {8, 6, 2, 0}, {4, 4, 4, 4}, {0, 4, 12, 16}};
            float[] all = images(batch);
            for (int i = 0; i < all.length; i++) {
                assertEquals(rows[i / 16][i % 4], all[i]);
            }
        }
    }

    @Test
    void everyPassReusesTheBuffers() {
        Set<Object> seen = Collections.newSetFromMap(new IdentityHashMap<>());
        try (BatchLoader loader = started(bytes(20), 2, null)) {
            for (int pass = 0; pass < 3; pass++) {
                int sum = 0;
                for (Batch batch = loader.next(); batch != null; batch = loader.next()) {
                    seen.add(batch.buffers().images());
                    sum += batch.count();
                    batch.close();
                    batch.close();
                }
                assertEquals(20, sum);
                loader.restart(EpochOrder.of(0, pass, 20));
            }
        }
        assertEquals(3, seen.size());
    }

    @Test
    void restartAbandonsAPassButNotAnOpenBatch() {
        try (BatchLoader loader = started(bytes(20), 2, null)) {
            Batch open = loader.next();
            assertThrows(IllegalStateException.class, () -> loader.restart(null));
            open.close();
            loader.restart(new int[] {5});
            try (Batch batch = loader.next()) {
                assertEquals(5 / 255f, images(batch)[0]);
            }
            assertNull(loader.next());
        }
    }

    @Test
    void rejectsAccessToClosedBatch() {
        try (BatchLoader loader = started(bytes(2), 2, null)) {
            Batch batch = loader.next();
            batch.close();
            assertThrows(IllegalStateException.class, batch::images);
            assertThrows(IllegalStateException.class, batch::labels);
        }
    }

    @Test
    void workerFailuresReachTheConsumer() {
        try (BatchLoader loader = started(bytes(4), 2, new int[] {0, 1, 2, 4})) {
            assertNotNull(loader.next());
            Exception first = assertThrows(IndexOutOfBoundsException.class, loader::next);
            assertEquals("order[3] is out of range. Received: 4.", first.getMessage());
            assertSame(first, assertThrows(IndexOutOfBoundsException.class, loader::next));
        }
        assertFalse(loaderThreadLives());
    }

    @Test
    void closeStopsWorkersAtAnyTime() {
        for (int taken = 0; taken < 4; taken++) {
            BatchLoader loader = started(bytes(200), 1, null);
            for (int i = 0; i < taken; i++) {
                loader.next().close();
            }
            loader.close();
            loader.close();
            assertFalse(loaderThreadLives());
            assertThrows(IllegalStateException.class, loader::next);
            assertThrows(IllegalStateException.class, () -> loader.restart(null));
        }
    }

    @Test
    void requiresAStartedPass() {
        ImageDataset set = bytes(2);
        try (BatchLoader loader = new BatchLoader(set, Preprocessing.exact(set.shape()), 1)) {
            assertThrows(IllegalStateException.class, loader::next);
        }
    }

    @Test
    void rejectsSizesOutOfRange() {
        ImageDataset set = bytes(2);
        Preprocessing own = Preprocessing.exact(set.shape());
        assertThrows(UserException.class, () -> new BatchLoader(set, own, 0));
        Preprocessing large = own.withImageSize(50_000);
        String message =
                assertThrows(UserException.class, () -> new BatchLoader(set, large, 2))
                        .getMessage();
        assertTrue(
                message.startsWith(
                        "A batch of 2 images of 1×50000×50000 is too large. Received: 20.0 GB."));
        // a batch larger than the data set allocates no more than the data set needs
        try (BatchLoader loader = started(set, Integer.MAX_VALUE, null);
                Batch batch = loader.next()) {
            assertEquals(2, batch.count());
        }
    }
}
