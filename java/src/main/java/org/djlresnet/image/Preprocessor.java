package org.djlresnet.image;

import java.util.Arrays;

/** Applies a {@link Preprocessing}, reusing its own memory from image to image. Not thread-safe. */
public final class Preprocessor {

    private static final int RED = 19595;
    private static final int GREEN = 38470;
    private static final int BLUE = 7471;

    private final Preprocessing preprocessing;
    private final boolean rounded;
    private final boolean normalizes;

    /** The result of each byte, by channel. */
    private final float[][] values;

    private final float[] mean;
    private final float[] deviation;

    private Geometry geometry;
    private Resizer resizer;
    private ByteResizer byteResizer;
    private byte[] greyBytes = {};
    private byte[] keptBytes = {};
    private float[] scaled = {};
    private float[] greyFloats = {};
    private float[] keptFloats = {};

    /**
     * Creates a preprocessor.
     *
     * @param preprocessing the preprocessing to apply
     */
    public Preprocessor(Preprocessing preprocessing) {
        this.preprocessing = preprocessing;
        rounded = preprocessing.resize() != null && preprocessing.resize().rounded();
        normalizes = preprocessing.mean() != null || preprocessing.deviation() != null;
        int channels = preprocessing.channels();
        mean = new float[channels];
        deviation = new float[channels];
        values = new float[channels][256];
        for (int c = 0; c < channels; c++) {
            mean[c] = preprocessing.mean() == null ? 0 : preprocessing.mean().get(c).floatValue();
            deviation[c] =
                    preprocessing.deviation() == null
                            ? 1
                            : preprocessing.deviation().get(c).floatValue();
            for (int i = 0; i < 256; i++) {
                values[c][i] = normalized(i / 255f, c);
            }
        }
    }

    private float normalized(float value, int channel) {
        return (value - mean[channel]) / deviation[channel];
    }

    /**
     * Returns the shape of a prepared image.
     *
     * @param in the image's shape
     * @return the shape of the result
     * @throws org.djlresnet.UserException if the image's channels cannot be converted
     */
    public ImageShape output(ImageShape in) {
        return geometry(in).out();
    }

    private Geometry geometry(ImageShape in) {
        if (geometry == null || !geometry.in().equals(in)) {
            geometry = Geometry.of(preprocessing, in);
            resizer = null;
            byteResizer = null;
        }
        return geometry;
    }

    /**
     * Prepares an image.
     *
     * @param in the image, which is not changed
     * @param out receives the result (C, H, W), whose shape is {@link #output}
     * @param offset the start of the result in {@code out}
     * @throws org.djlresnet.UserException if the image's channels cannot be converted
     */
    public void apply(RawImage in, float[] out, int offset) {
        geometry(in.shape());
        if (geometry.rows().pads() || geometry.columns().pads()) {
            pad(out, offset);
        }
        if (in.type() == PixelType.UINT8 && (rounded || !geometry.resizes())) {
            applyToBytes(in, out, offset);
        } else {
            applyToFloats(in, out, offset);
        }
    }

    private void pad(float[] out, int offset) {
        int plane = geometry.out().height() * geometry.out().width();
        for (int c = 0; c < values.length; c++) {
            Arrays.fill(out, offset + c * plane, offset + (c + 1) * plane, values[c][0]);
        }
    }

    private void applyToBytes(RawImage in, float[] out, int offset) {
        ImageShape shape = in.shape();
        int plane = shape.height() * shape.width();
        boolean toGrey = shape.channels() == 3 && values.length == 1;
        byte[] source = toGrey ? grey(in.bytes(), plane) : in.bytes();
        for (int c = 0; c < values.length; c++) {
            int from = shape.channels() == 1 ? 0 : c * plane;
            if (!geometry.resizes()) {
                int first =
                        from + geometry.rows().from() * shape.width() + geometry.columns().from();
                put(source, first, shape.width(), c, out, offset);
                continue;
            }
            if (c == 0 || shape.channels() > 1) {
                keptBytes = atLeast(keptBytes, geometry.kept());
                byteResizer().resize(source, from, keptBytes);
            }
            put(keptBytes, 0, geometry.columns().count(), c, out, offset);
        }
    }

    private void put(byte[] in, int start, int stride, int channel, float[] out, int offset) {
        float[] table = values[channel];
        int count = lineLength(stride);
        for (int y = 0; y < lines(stride); y++) {
            int from = start + y * stride;
            int to = offset + placeOf(channel, y);
            for (int x = 0; x < count; x++) {
                out[to + x] = table[in[from + x] & 0xff];
            }
        }
    }

    private void applyToFloats(RawImage in, float[] out, int offset) {
        ImageShape shape = in.shape();
        int plane = shape.height() * shape.width();
        boolean toGrey = shape.channels() == 3 && values.length == 1;
        float[] source;
        if (in.type() == PixelType.UINT8) {
            byte[] bytes = toGrey ? grey(in.bytes(), plane) : in.bytes();
            source = scaled(bytes, toGrey ? plane : Math.toIntExact(shape.values()));
        } else {
            source = toGrey ? grey(in.floats(), plane) : in.floats();
        }
        for (int c = 0; c < values.length; c++) {
            int from = shape.channels() == 1 ? 0 : c * plane;
            if (!geometry.resizes()) {
                int first =
                        from + geometry.rows().from() * shape.width() + geometry.columns().from();
                put(source, first, shape.width(), c, out, offset);
                continue;
            }
            if (c == 0 || shape.channels() > 1) {
                keptFloats = atLeast(keptFloats, geometry.kept());
                resizer().resize(source, from, keptFloats);
            }
            put(keptFloats, 0, geometry.columns().count(), c, out, offset);
        }
    }

    private void put(float[] in, int start, int stride, int channel, float[] out, int offset) {
        int count = lineLength(stride);
        for (int y = 0; y < lines(stride); y++) {
            int from = start + y * stride;
            int to = offset + placeOf(channel, y);
            System.arraycopy(in, from, out, to, count);
            if (normalizes) {
                for (int x = to; x < to + count; x++) {
                    out[x] = normalized(out[x], channel);
                }
            }
        }
    }

    /** Returns whether rows are contiguous in source and result, so that a plane is one line. */
    private boolean isOneLine(int stride) {
        return stride == geometry.columns().count() && stride == geometry.out().width();
    }

    private int lines(int stride) {
        return isOneLine(stride) ? 1 : geometry.rows().count();
    }

    private int lineLength(int stride) {
        return isOneLine(stride) ? geometry.kept() : geometry.columns().count();
    }

    private int placeOf(int channel, int row) {
        ImageShape shape = geometry.out();
        int line = channel * shape.height() + geometry.rows().to() + row;
        return line * shape.width() + geometry.columns().to();
    }

    private byte[] grey(byte[] in, int plane) {
        greyBytes = atLeast(greyBytes, plane);
        for (int i = 0; i < plane; i++) {
            int sum =
                    RED * (in[i] & 0xff)
                            + GREEN * (in[plane + i] & 0xff)
                            + BLUE * (in[2 * plane + i] & 0xff);
            greyBytes[i] = (byte) (sum + 0x8000 >> 16);
        }
        return greyBytes;
    }

    private float[] grey(float[] in, int plane) {
        greyFloats = atLeast(greyFloats, plane);
        for (int i = 0; i < plane; i++) {
            float sum = RED * in[i] + GREEN * in[plane + i] + BLUE * in[2 * plane + i];
            greyFloats[i] = sum / 65536;
        }
        return greyFloats;
    }

    private float[] scaled(byte[] in, int count) {
        scaled = atLeast(scaled, count);
        for (int i = 0; i < count; i++) {
            scaled[i] = (in[i] & 0xff) / 255f;
        }
        return scaled;
    }

    private Resizer resizer() {
        if (resizer == null) {
            resizer = new Resizer(geometry.in().width(), rowTaps(), columnTaps());
        }
        return resizer;
    }

    private ByteResizer byteResizer() {
        if (byteResizer == null) {
            byteResizer = new ByteResizer(geometry, rowTaps(), columnTaps());
        }
        return byteResizer;
    }

    private Taps rowTaps() {
        Interpolation interpolation = preprocessing.resize().interpolation();
        return Taps.of(geometry.in().height(), geometry.height(), geometry.rows(), interpolation);
    }

    private Taps columnTaps() {
        Interpolation interpolation = preprocessing.resize().interpolation();
        return Taps.of(geometry.in().width(), geometry.width(), geometry.columns(), interpolation);
    }

    private static byte[] atLeast(byte[] array, int length) {
        return array.length < length ? new byte[length] : array;
    }

    private static float[] atLeast(float[] array, int length) {
        return array.length < length ? new float[length] : array;
    }
}
