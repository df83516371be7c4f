package org.djlresnet.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.ByteArrayOutputStream;
import java.util.ArrayList;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.function.IntConsumer;
import org.djlresnet.UserException;
import org.djlresnet.image.ImageShape;
import org.djlresnet.image.Interpolation;
import org.djlresnet.image.PixelType;
import org.djlresnet.image.Preprocessing;
import org.djlresnet.image.RawImage;
import org.djlresnet.image.Resize;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The number of workers changes nothing. */
@Timeout(60)
class LoaderWorkersTest {

    private static final int COUNT = 23;

    /** Images of many sizes, generated on reading; {@code before} receives each index. */
    private record Generated(IntConsumer before) implements Examples {
        @Override
        public int size() {
            return COUNT;
        }

        @Override
        public ImageShape shape() {
            return null;
        }

        @Override
        public PixelType type() {
            return PixelType.UINT8;
        }

        @Override
        public List<String> classNames() {
            return List.of("even", "odd");
        }

        @Override
        public int label(int index) {
            return index % 2;
        }

        @Override
        public void read(int index, RawImage into) {
            before.accept(index);
            ImageShape shape = new ImageShape(index % 3 == 0 ? 3 : 1, 5 + index, 9 + 2 * index);
            byte[] pixels = into.holdBytes(shape);
            for (int i = 0; i < shape.values(); i++) {
                pixels[i] = (byte) (i * (index + 7));
            }
        }

        @Override
        public String fingerprint() {
            return "00000000";
        }
    }

    private static final Preprocessing SMALL =
            new Preprocessing(
                    3,
                    Resize.shortSide(8, Interpolation.BILINEAR, true),
                    new Preprocessing.Crop(7, 7),
                    List.of(0.5, 0.25, 0.125),
                    null);

    private static void append(ByteArrayOutputStream to, Batch batch) {
        byte[] bytes = new byte[batch.images().remaining() + batch.labels().remaining()];
        batch.images().get(bytes, 0, batch.images().remaining());
        batch.labels().get(bytes, batch.images().remaining(), batch.labels().remaining());
        to.writeBytes(bytes);
    }

    private static byte[] pass(BatchLoader loader, int[] order) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        loader.restart(order);
        for (Batch batch = loader.next(); batch != null; batch = loader.next()) {
            append(bytes, batch);
            batch.close();
        }
        return bytes.toByteArray();
    }

    @ParameterizedTest
    @ValueSource(ints = {2, 3, 4, 9})
    void batchesAreIndependentOfTheNumberOfWorkers(int workers) {
        Examples examples = new Generated(index -> {});
        try (BatchLoader one = new BatchLoader(examples, SMALL, 4, 1);
                BatchLoader many = new BatchLoader(examples, SMALL, 4, workers)) {
            for (int epoch = 0; epoch < 20; epoch++) {
                int[] order = EpochOrder.of(1, epoch, COUNT);
                assertArrayEquals(pass(one, order), pass(many, order));
            }
            assertEquals(COUNT * (4 * 3 * 7 * 7 + 4), pass(many, null).length);
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 4})
    void ringHasTwoBuffersMoreThanWorkers(int workers) {
        Set<Object> seen = Collections.newSetFromMap(new IdentityHashMap<>());
        try (BatchLoader loader = new BatchLoader(new Generated(index -> {}), SMALL, 1, workers)) {
            List<Batch> open = new ArrayList<>();
            for (int pass = 0; pass < 3; pass++) {
                loader.restart(null);
                for (int i = 0; i < workers + 2; i++) {
                    open.add(loader.next());
                    seen.add(open.get(i).buffers().images());
                }
                assertThrows(IllegalStateException.class, () -> loader.restart(null));
                open.forEach(Batch::close);
                open.clear();
            }
        }
        assertEquals(workers + 2, seen.size());
    }

    /** The first batch is read after the others, and delivered before them. */
    @ParameterizedTest
    @ValueSource(ints = {2, 3, 4})
    void batchesComeInOrder(int workers) {
        CountDownLatch others = new CountDownLatch(workers - 1);
        IntConsumer firstComesLast =
                index -> {
                    if (index == 0) {
                        await(others);
                    } else if (index < workers) {
                        others.countDown();
                    }
                };
        try (BatchLoader loader =
                new BatchLoader(new Generated(firstComesLast), SMALL, 1, workers)) {
            loader.restart(null);
            for (int i = 0; i < COUNT; i++) {
                try (Batch batch = loader.next()) {
                    assertEquals(i % 2, batch.labels().asIntBuffer().get(0));
                }
            }
        }
    }

    private static void await(CountDownLatch latch) {
        try {
            latch.await();
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    /** Batch 3 fails before the batches in front of it are read. */
    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 4})
    void failuresComeInOrder(int workers) {
        CountDownLatch failing = new CountDownLatch(workers > 1 ? 1 : 0);
        IntConsumer failThird =
                index -> {
                    if (index == 3) {
                        failing.countDown();
                        throw new UserException("example 3 is damaged");
                    }
                    if (index == 2) {
                        await(failing);
                    }
                };
        try (BatchLoader loader = new BatchLoader(new Generated(failThird), SMALL, 1, workers)) {
            for (int pass = 0; pass < 2; pass++) {
                loader.restart(null);
                for (int i = 0; i < 3; i++) {
                    try (Batch batch = loader.next()) {
                        assertEquals(i % 2, batch.labels().asIntBuffer().get(0));
                    }
                }
                UserException first = assertThrows(UserException.class, loader::next);
                assertEquals("example 3 is damaged", first.getMessage());
                assertSame(first, assertThrows(UserException.class, loader::next));
            }
            assertEquals(4, pass(loader, new int[] {0, 1, 4, 5}).length / (4 * 3 * 7 * 7 + 4));
        }
        assertNoThreads();
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 4})
    void closeAndRestartStopWorkers(int workers) {
        for (int taken = 0; taken < 4; taken++) {
            BatchLoader loader = new BatchLoader(new Generated(index -> {}), SMALL, 2, workers);
            loader.restart(null);
            for (int i = 0; i < taken; i++) {
                loader.next().close();
            }
            loader.restart(new int[] {5});
            try (Batch batch = loader.next()) {
                assertEquals(1, batch.count());
            }
            loader.restart(null);
            loader.close();
            assertNoThreads();
            assertThrows(IllegalStateException.class, loader::next);
        }
    }

    private static void assertNoThreads() {
        assertFalse(
                Thread.getAllStackTraces().keySet().stream()
                        .anyMatch(thread -> thread.getName().startsWith("djlresnet-loader")));
    }

    @Test
    void rejectsPreprocessingThatLeavesSizesDifferent() {
        Examples examples = new Generated(index -> {});
        Preprocessing uneven =
                new Preprocessing(
                        3, Resize.shortSide(8, Interpolation.BILINEAR, true), null, null, null);
        String message =
                assertThrows(UserException.class, () -> new BatchLoader(examples, uneven, 1, 1))
                        .getMessage();
        assertEquals(
                "The images differ in size, even after preprocessing. Received: "
                        + uneven.toJson()
                        + ". Allowed: a preprocessing with a crop, or with resizing to an exact"
                        + " size.",
                message);
    }
}
