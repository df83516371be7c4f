package org.djlresnet.data;

import java.io.EOFException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Objects;
import org.djlresnet.AtomicFile;
import org.djlresnet.UserException;
import org.djlresnet.image.ImageShape;
import org.djlresnet.image.PixelType;
import org.djlresnet.image.Preprocessing;
import org.djlresnet.image.RawImage;

/**
 * Labelled images in a file written by {@link ImageStoreWriter}, mapped into memory: the operating
 * system keeps in memory what fits, and reads the rest again.
 *
 * <p>Immutable and thread-safe. The file must not change; it may be removed.
 */
public final class StoredImages implements Examples {

    private final MappedByteBuffer[] segments;
    private final long[] offsets;
    private final ImageShape[] shapes;
    private final int[] labels;
    private final List<String> paths;
    private final List<String> classNames;
    private final String fingerprint;
    private final Preprocessing preprocessing;
    private final ImageShape shape;

    private StoredImages(
            MappedByteBuffer[] segments,
            long[] offsets,
            ImageShape[] shapes,
            int[] labels,
            List<String> paths,
            List<String> classNames,
            String fingerprint,
            Preprocessing preprocessing) {
        this.segments = segments;
        this.offsets = offsets;
        this.shapes = shapes;
        this.labels = labels;
        this.paths = paths;
        this.classNames = classNames;
        this.fingerprint = fingerprint;
        this.preprocessing = preprocessing;
        shape = common(shapes);
    }

    /**
     * Opens a file.
     *
     * @param file the file
     * @param records the records to use as examples, in this order; one or more
     * @param labels the label of each example, 0 to {@code classNames.size() - 1}
     * @param paths the original file of each example, see {@link #path}
     * @param classNames the class names, by label
     * @param fingerprint what {@link #fingerprint} returns: a checksum of the original files
     * @param preprocessing the preprocessing that the images were stored for
     * @return the examples
     * @throws UserException if the file is damaged
     * @throws UncheckedIOException if the file cannot be read
     */
    public static StoredImages open(
            Path file,
            int[] records,
            int[] labels,
            List<String> paths,
            List<String> classNames,
            String fingerprint,
            Preprocessing preprocessing) {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
            ByteBuffer trailer =
                    read(
                            channel,
                            channel.size() - ImageStoreWriter.TRAILER,
                            ImageStoreWriter.TRAILER);
            int count = trailer.getInt();
            long end = trailer.getLong();
            int length = Math.multiplyExact(count, ImageStoreWriter.ENTRY);
            if (trailer.getLong() != ImageStoreWriter.MAGIC
                    || end + length + ImageStoreWriter.TRAILER != channel.size()) {
                throw damaged(file, null);
            }
            ByteBuffer entries = read(channel, end, length);
            long[] offsets = new long[records.length];
            ImageShape[] shapes = new ImageShape[records.length];
            ImageShape last = null;
            for (int i = 0; i < records.length; i++) {
                entries.position(Objects.checkIndex(records[i], count) * ImageStoreWriter.ENTRY);
                offsets[i] = entries.getLong();
                if (offsets[i] < 0) {
                    throw damaged(file, null);
                }
                int channels = entries.getInt();
                int height = entries.getInt();
                int width = entries.getInt();
                if (last == null
                        || last.channels() != channels
                        || last.height() != height
                        || last.width() != width) {
                    // most images share one object
                    last = new ImageShape(channels, height, width);
                }
                shapes[i] = last;
            }
            return new StoredImages(
                    map(channel, end),
                    offsets,
                    shapes,
                    labels.clone(),
                    List.copyOf(paths),
                    List.copyOf(classNames),
                    fingerprint,
                    preprocessing);
        } catch (EOFException | IllegalArgumentException | ArithmeticException malformed) {
            throw damaged(file, malformed);
        } catch (IOException failure) {
            throw new UncheckedIOException(
                    "Cannot read " + file + ": " + AtomicFile.reason(failure) + ".", failure);
        }
    }

    private static ByteBuffer read(FileChannel channel, long position, int length)
            throws IOException {
        ByteBuffer buffer = ByteBuffer.allocate(length);
        while (buffer.hasRemaining()) {
            if (channel.read(buffer, position + buffer.position()) < 0) {
                throw new EOFException();
            }
        }
        return buffer.flip();
    }

    private static MappedByteBuffer[] map(FileChannel channel, long end) throws IOException {
        int count = (int) ((end + ImageStoreWriter.SEGMENT - 1) / ImageStoreWriter.SEGMENT);
        MappedByteBuffer[] segments = new MappedByteBuffer[count];
        for (int i = 0; i < count; i++) {
            long begin = i * ImageStoreWriter.SEGMENT;
            long length = Math.min(ImageStoreWriter.SEGMENT, end - begin);
            segments[i] = channel.map(FileChannel.MapMode.READ_ONLY, begin, length);
        }
        return segments;
    }

    private static UserException damaged(Path file, Exception cause) {
        return new UserException(file + " is damaged. Remove it; it will be written again.", cause);
    }

    private static ImageShape common(ImageShape[] shapes) {
        for (ImageShape each : shapes) {
            if (!each.equals(shapes[0])) {
                return null;
            }
        }
        return shapes[0];
    }

    @Override
    public int size() {
        return labels.length;
    }

    @Override
    public ImageShape shape() {
        return shape;
    }

    @Override
    public PixelType type() {
        return PixelType.UINT8;
    }

    @Override
    public List<String> classNames() {
        return classNames;
    }

    @Override
    public int label(int index) {
        return labels[Objects.checkIndex(index, labels.length)];
    }

    @Override
    public String path(int index) {
        return paths.get(index);
    }

    @Override
    public void read(int index, RawImage into) {
        long offset = offsets[Objects.checkIndex(index, offsets.length)];
        ImageShape found = shapes[index];
        segments[(int) (offset / ImageStoreWriter.SEGMENT)].get(
                (int) (offset % ImageStoreWriter.SEGMENT),
                into.holdBytes(found),
                0,
                (int) found.values());
    }

    /** Depends on the original files: their names, content, classes and order. */
    @Override
    public String fingerprint() {
        return fingerprint;
    }

    @Override
    public Preprocessing preprocessing() {
        return preprocessing;
    }
}
