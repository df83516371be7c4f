package org.djlresnet;

import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.management.ThreadMXBean;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.management.BufferPoolMXBean;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.zip.GZIPOutputStream;
import org.djlresnet.checkpoint.Checkpoint;
import org.djlresnet.checkpoint.Dtype;
import org.djlresnet.checkpoint.SafetensorsFile;
import org.djlresnet.checkpoint.Tensor;
import org.djlresnet.data.CifarFile;
import org.djlresnet.data.IdxFile;
import org.djlresnet.recipe.Recipe;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * Damaged files are read or refused with a {@link UserException}, at a bounded cost; the damage is
 * the same each time.
 */
@Timeout(120)
class MutationTest {

    private static final int MOST_HEAP = 16 << 20;

    private static final int MOST_DIRECT = 1 << 20;

    private static final int[] LIKELY = {0, 1, 0x7f, 0x80, 0xff, '"', '{', '}', '[', ',', '9', '-'};

    @TempDir Path dir;

    private final Random random = new Random(4);

    @FunctionalInterface
    private interface Reader {
        void read(Path file);
    }

    private byte[] damaged(byte[] sound) {
        byte[] bytes = sound.clone();
        for (int change = 1 + random.nextInt(4); change > 0 && bytes.length > 0; change--) {
            int at = random.nextInt(bytes.length);
            int value =
                    random.nextBoolean()
                            ? LIKELY[random.nextInt(LIKELY.length)]
                            : random.nextInt(256);
            int length = 1 + random.nextInt(8);
            switch (random.nextInt(6)) {
                case 0 -> bytes = joined(bytes, at, new byte[] {(byte) value}, at);
                case 1 ->
                        bytes = joined(bytes, at, new byte[0], Math.min(at + length, bytes.length));
                case 2 -> bytes = joined(bytes, at, new byte[0], bytes.length);
                default -> bytes[at] = (byte) value;
            }
        }
        return bytes;
    }

    /** The bytes before one place, others, and those from another place on. */
    private static byte[] joined(byte[] bytes, int before, byte[] between, int after) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        out.write(bytes, 0, before);
        out.writeBytes(between);
        out.write(bytes, after, bytes.length - after);
        return out.toByteArray();
    }

    private void assertReadOrRefused(byte[] content, Reader reader) throws IOException {
        Path file = Files.write(dir.resolve("damaged"), content);
        ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        long heap = threads.getCurrentThreadAllocatedBytes();
        long direct = directBytes();
        try {
            reader.read(file);
        } catch (UserException refused) {
            assertTrue(refused.getMessage().length() < 2000, refused.getMessage());
        } catch (RuntimeException | Error wrong) {
            throw new AssertionError(HexFormat.of().formatHex(content), wrong);
        }
        long taken = threads.getCurrentThreadAllocatedBytes() - heap;
        assertTrue(taken < MOST_HEAP, () -> taken + " " + HexFormat.of().formatHex(content));
        assertTrue(directBytes() - direct < MOST_DIRECT, () -> HexFormat.of().formatHex(content));
    }

    private static long directBytes() {
        return ManagementFactory.getPlatformMXBeans(BufferPoolMXBean.class).stream()
                .filter(pool -> pool.getName().equals("direct"))
                .mapToLong(BufferPoolMXBean::getMemoryUsed)
                .sum();
    }

    private static byte[] gzip(byte[] content) throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        try (GZIPOutputStream gzip = new GZIPOutputStream(out)) {
            gzip.write(content);
        }
        return out.toByteArray();
    }

    @Test
    void idx() throws IOException {
        byte[] images = ByteBuffer.allocate(28).putInt(2051).putInt(3).putInt(2).putInt(2).array();
        byte[] labels = ByteBuffer.allocate(11).putInt(2049).putInt(3).array();
        for (int i = 0; i < 150; i++) {
            assertReadOrRefused(gzip(damaged(images)), IdxFile::readImages);
            assertReadOrRefused(damaged(gzip(images)), IdxFile::readImages);
            assertReadOrRefused(gzip(damaged(labels)), IdxFile::readLabels);
        }
    }

    @Test
    void cifar() throws IOException {
        byte[] sound = new byte[2 * CifarFile.RECORD];
        for (int i = 0; i < 300; i++) {
            byte[] content = damaged(sound);
            if (content.length == sound.length) {
                content[random.nextInt(2) * CifarFile.RECORD] = (byte) random.nextInt(20);
            }
            assertReadOrRefused(content, file -> CifarFile.read(List.of(file), 2));
            assertReadOrRefused(content, file -> CifarFile.read(List.of(file), 100_000));
        }
    }

    @Test
    void safetensors() throws IOException {
        Path sound = dir.resolve("sound");
        ByteBuffer data = ByteBuffer.allocate(24).order(ByteOrder.LITTLE_ENDIAN);
        String info =
                "{\"format\":1,\"model\":\"d2l-resnet18\",\"in_channels\":1,\"class_names\":"
                        + "[\"a\",\"b\"],\"image_size\":8,\"run\":{\"step\":3,\"epoch\":1}}";
        SafetensorsFile.write(
                sound,
                Map.of("py_djl_resnet", info),
                List.of(new Tensor("fc.weight", Dtype.F32, new long[] {2, 3}, data)));
        byte[] content = Files.readAllBytes(sound);
        for (int i = 0; i < 1000; i++) {
            assertReadOrRefused(
                    damaged(content),
                    file -> {
                        try (SafetensorsFile open = SafetensorsFile.read(file)) {
                            open.tensors().keySet().forEach(open::data);
                        }
                    });
            assertReadOrRefused(
                    damaged(content),
                    file -> {
                        try (Checkpoint open = Checkpoint.open(file)) {
                            open.describe();
                            open.optimizerState();
                        }
                    });
        }
    }

    @Test
    void recipe() throws IOException {
        byte[] sound =
                Recipe.fromJson("{\"limit\": 10, \"checkpoint_every\": \"60s\"}")
                        .toJson()
                        .getBytes(StandardCharsets.UTF_8);
        for (int i = 0; i < 1000; i++) {
            byte[] content = damaged(sound);
            String text = new String(content, StandardCharsets.UTF_8);
            assertReadOrRefused(content, file -> Recipe.fromJson(text));
        }
    }
}
