package org.djlresnet.augment;

/** Affine transforms of an image, with bilinear interpolation and black fill. */
final class Warp {

    private Warp() {}

    /** Rotates an image around its centre, counterclockwise. */
    static void rotate(Canvas canvas, double degrees) {
        double angle = StrictMath.toRadians(degrees);
        float cos = (float) StrictMath.cos(angle);
        float sin = (float) StrictMath.sin(angle);
        float x = canvas.width() / 2f;
        float y = canvas.height() / 2f;
        apply(canvas, cos, -sin, x - cos * x + sin * y, sin, cos, y - sin * x - cos * y);
    }

    /** Takes each pixel from {@code x + factor · y}. */
    static void shearX(Canvas canvas, float factor) {
        apply(canvas, 1, factor, 0, 0, 1, 0);
    }

    /** Takes each pixel from {@code y + factor · x}. */
    static void shearY(Canvas canvas, float factor) {
        apply(canvas, 1, 0, 0, factor, 1, 0);
    }

    /**
     * Takes the pixel with its centre at (x, y) from (a x + b y + c, d x + e y + f). The centre of
     * the first pixel is (0.5, 0.5).
     */
    private static void apply(Canvas canvas, float a, float b, float c, float d, float e, float f) {
        byte[] from = canvas.original();
        byte[] to = canvas.pixels();
        int height = canvas.height();
        int width = canvas.width();
        int plane = height * width;
        for (int y = 0; y < height; y++) {
            for (int x = 0; x < width; x++) {
                float sourceX = a * (x + 0.5f) + b * (y + 0.5f) + c - 0.5f;
                float sourceY = d * (x + 0.5f) + e * (y + 0.5f) + f - 0.5f;
                int left = (int) Math.floor(sourceX);
                int top = (int) Math.floor(sourceY);
                float right = sourceX - left;
                float down = sourceY - top;
                boolean inside = left >= 0 && left < width - 1 && top >= 0 && top < height - 1;
                for (int i = 0; i < canvas.channels(); i++) {
                    int at = i * plane + top * width + left;
                    float value;
                    if (inside) {
                        float above = lerp(from[at] & 0xff, from[at + 1] & 0xff, right);
                        float below =
                                lerp(from[at + width] & 0xff, from[at + width + 1] & 0xff, right);
                        value = lerp(above, below, down);
                    } else {
                        value =
                                lerp(
                                        lerp(
                                                at(from, i * plane, top, left, height, width),
                                                at(from, i * plane, top, left + 1, height, width),
                                                right),
                                        lerp(
                                                at(from, i * plane, top + 1, left, height, width),
                                                at(
                                                        from, i * plane, top + 1, left + 1, height,
                                                        width),
                                                right),
                                        down);
                    }
                    to[i * plane + y * width + x] = Canvas.round(value);
                }
            }
        }
    }

    private static float lerp(float from, float to, float share) {
        return from + (to - from) * share;
    }

    private static float at(byte[] pixels, int plane, int y, int x, int height, int width) {
        boolean inside = y >= 0 && y < height && x >= 0 && x < width;
        return inside ? pixels[plane + y * width + x] & 0xff : 0;
    }
}
