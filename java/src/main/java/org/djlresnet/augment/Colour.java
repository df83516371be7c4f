package org.djlresnet.augment;

import java.util.function.IntFunction;

/** Colour transforms of an image, in float32, rounded to the nearest byte. */
final class Colour {

    private Colour() {}

    /** Multiplies every pixel. */
    static void brightness(Canvas canvas, float factor) {
        map(canvas, 0, canvas.channels(), value -> Canvas.round(factor * value));
    }

    /**
     * Moves every pixel away from the mean of the greyscale image; factors below 1 move it closer.
     */
    static void contrast(Canvas canvas, float factor) {
        byte[] pixels = canvas.pixels();
        int plane = canvas.height() * canvas.width();
        boolean coloured = canvas.channels() == 3;
        int count = coloured ? plane : canvas.channels() * plane;
        long sum = 0;
        for (int i = 0; i < count; i++) {
            sum += coloured ? grey(pixels, i, plane) : pixels[i] & 0xff;
        }
        float rest = (1 - factor) * ((float) sum / count);
        map(canvas, 0, canvas.channels(), value -> Canvas.round(factor * value + rest));
    }

    /** Moves every pixel away from its grey; does nothing without three channels. */
    static void saturation(Canvas canvas, float factor) {
        if (canvas.channels() != 3) {
            return;
        }
        byte[] pixels = canvas.pixels();
        int plane = canvas.height() * canvas.width();
        for (int i = 0; i < plane; i++) {
            float rest = (1 - factor) * grey(pixels, i, plane);
            for (int at = i; at < 3 * plane; at += plane) {
                pixels[at] = Canvas.round(factor * (pixels[at] & 0xff) + rest);
            }
        }
    }

    /**
     * Moves every pixel away from its blurred value: a mean of itself, with weight 5, and its eight
     * neighbours, each with weight 1. Border pixels stay unchanged.
     */
    static void sharpness(Canvas canvas, float factor) {
        byte[] from = canvas.original();
        byte[] to = canvas.pixels();
        int height = canvas.height();
        int width = canvas.width();
        for (int row = 0; row < canvas.channels() * height; row++) {
            if (row % height == 0 || row % height == height - 1) {
                continue;
            }
            for (int x = 1; x < width - 1; x++) {
                int at = row * width + x;
                int sum = 4 * (from[at] & 0xff);
                for (int near = at - width - 1; near <= at + width - 1; near += width) {
                    sum += (from[near] & 0xff) + (from[near + 1] & 0xff) + (from[near + 2] & 0xff);
                }
                int blurred = (2 * sum + 13) / 26;
                to[at] = Canvas.round(factor * (from[at] & 0xff) + (1 - factor) * blurred);
            }
        }
    }

    /** Keeps the first bits of every pixel. */
    static void posterize(Canvas canvas, int bits) {
        map(canvas, 0, canvas.channels(), value -> (byte) (value & -(1 << (8 - bits))));
    }

    /** Inverts the pixels at or above a threshold. */
    static void solarize(Canvas canvas, float threshold) {
        map(
                canvas,
                0,
                canvas.channels(),
                value -> (byte) (value >= threshold ? 255 - value : value));
    }

    /** Stretches each channel to the range from 0 to 255. */
    static void autoContrast(Canvas canvas) {
        for (int c = 0; c < canvas.channels(); c++) {
            int[] counts = histogram(canvas, c);
            int least = 0;
            int most = 255;
            while (counts[least] == 0) {
                least++;
            }
            while (counts[most] == 0) {
                most--;
            }
            if (most > least) {
                float scale = 255f / (most - least);
                int lowest = least;
                map(canvas, c, c + 1, value -> Canvas.round((value - lowest) * scale));
            }
        }
    }

    /** Equalizes the histogram of each channel as Pillow does. */
    static void equalize(Canvas canvas) {
        for (int c = 0; c < canvas.channels(); c++) {
            int[] counts = histogram(canvas, c);
            int last = 255;
            while (counts[last] == 0) {
                last--;
            }
            int step = (canvas.height() * canvas.width() - counts[last]) / 255;
            if (step > 0) {
                int[] values = new int[256];
                int below = 0;
                for (int i = 0; i < 256; i++) {
                    values[i] = Math.min((below + step / 2) / step, 255);
                    below += counts[i];
                }
                map(canvas, c, c + 1, value -> (byte) values[value]);
            }
        }
    }

    private static int[] histogram(Canvas canvas, int channel) {
        byte[] pixels = canvas.pixels();
        int plane = canvas.height() * canvas.width();
        int[] counts = new int[256];
        for (int i = channel * plane; i < (channel + 1) * plane; i++) {
            counts[pixels[i] & 0xff]++;
        }
        return counts;
    }

    /** Applies a function to every pixel of some channels. */
    private static void map(Canvas canvas, int from, int to, IntFunction<Byte> function) {
        byte[] table = new byte[256];
        for (int i = 0; i < 256; i++) {
            table[i] = function.apply(i);
        }
        byte[] pixels = canvas.pixels();
        int plane = canvas.height() * canvas.width();
        for (int i = from * plane; i < to * plane; i++) {
            pixels[i] = table[pixels[i] & 0xff];
        }
    }

    /** Returns the grey of a pixel, as Pillow computes it. */
    private static int grey(byte[] pixels, int at, int plane) {
        int sum =
                19595 * (pixels[at] & 0xff)
                        + 38470 * (pixels[at + plane] & 0xff)
                        + 7471 * (pixels[at + 2 * plane] & 0xff);
        return sum + 0x8000 >> 16;
    }
}
