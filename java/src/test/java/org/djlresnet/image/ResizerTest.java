package org.djlresnet.image;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;

import org.junit.jupiter.api.Test;

class ResizerTest {

    private static Resizer resizer(int h, int w, int outH, int outW) {
        return new Resizer(
                w,
                Taps.of(h, outH, Span.all(outH), Interpolation.BILINEAR),
                Taps.of(w, outW, Span.all(outW), Interpolation.BILINEAR));
    }

    private static float[] resize(float[] in, int h, int w, int outH, int outW) {
        float[] out = new float[outH * outW];
        resizer(h, w, outH, outW).resize(in, 0, out);
        return out;
    }

    /** Pixel (y, x) is (7y² + 13x + 3xy) mod 32. */
    private static float[] pattern(int h, int w) {
        float[] values = new float[h * w];
        for (int y = 0; y < h; y++) {
            for (int x = 0; x < w; x++) {
                values[y * w + x] = (7 * y * y + 13 * x + 3 * x * y) % 32;
            }
        }
        return values;
    }

    /** Made with Pillow: {@code Image.fromarray(pattern, "F").resize((3, 2), BILINEAR)}. */
    @Test
    void shrinkingEqualsPillow() {
        float[] golden = {12.818182f, 15f, 15.145454f, 21.890909f, 10.909091f, 12.145454f};
        assertArrayEquals(golden, resize(pattern(5, 4), 5, 4, 2, 3), 1e-5f);
    }

    /** Made with Pillow as above, {@code resize((6, 5), BILINEAR)}. */
    @Test
    void enlargingEqualsPillow() {
        float[] golden = {
            0f, 6.5f, 15.166667f, 23.833334f, 16.5f, 7f, //
            2.8f, 9.9f, 17.233334f, 18.166668f, 15.9f, 13.4f, //
            7f, 15f, 20.333334f, 9.666667f, 15f, 23f, //
            19.6f, 18.9f, 15.833333f, 6.366667f, 12.9f, 21.799999f, //
            28f, 21.5f, 12.833333f, 4.166667f, 11.5f, 21f
        };
        assertArrayEquals(golden, resize(pattern(3, 4), 3, 4, 5, 6), 1e-5f);
    }

    /**
     * Computed by hand, as PyTorch's interpolate(align_corners=False): the centres of the four
     * results are at -0.25, 0.25, 0.75 and 1.25 between the two sources' centres, clamped.
     */
    @Test
    void doublingUsesHalfPixelCentres() {
        assertArrayEquals(new float[] {0, 2, 6, 8}, resize(new float[] {0, 8}, 1, 2, 1, 4), 0f);
        assertArrayEquals(new float[] {0, 2, 6, 8}, resize(new float[] {0, 8}, 2, 1, 4, 1), 0f);
    }

    @Test
    void readsFromOffset() {
        float[] out = new float[4];
        resizer(1, 2, 1, 4).resize(new float[] {99, 0, 8, 99}, 1, out);
        assertArrayEquals(new float[] {0, 2, 6, 8}, out, 0f);
    }
}
