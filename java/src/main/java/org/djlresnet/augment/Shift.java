package org.djlresnet.augment;

import java.util.Arrays;
import org.djlresnet.data.SplitMix64;
import org.djlresnet.image.ImageShape;

/**
 * Pads an image on all sides and crops it at random to its size, which moves it by up to {@code
 * pixels} in each direction (He et al., "Deep Residual Learning for Image Recognition", 2016).
 *
 * @param pixels the largest shift
 * @param reflects whether to pad with reflections instead of black
 */
record Shift(int pixels, boolean reflects) implements Augmentation {

    @Override
    public String misfit(ImageShape shape) {
        int most = Math.min(shape.height(), shape.width()) - 1;
        return pixels > most ? "up to " + most + " pixels" : null;
    }

    @Override
    public void apply(Canvas canvas, Draw draw) {
        SplitMix64 random = draw.random();
        int down = random.nextInt(2 * pixels + 1) - pixels;
        int right = random.nextInt(2 * pixels + 1) - pixels;
        move(canvas, down, right, reflects);
    }

    /** Moves an image; pixels from outside are reflections or black. */
    static void move(Canvas canvas, int down, int right, boolean reflects) {
        if (down == 0 && right == 0) {
            return;
        }
        byte[] from = canvas.original();
        byte[] to = canvas.pixels();
        int height = canvas.height();
        int width = canvas.width();
        int first = Math.min(Math.max(right, 0), width);
        int last = Math.max(Math.min(width + right, width), 0);
        for (int y = 0; y < canvas.channels() * height; y++) {
            int row = y % height - down;
            int out = y * width;
            if (row < 0 || row >= height) {
                if (!reflects) {
                    Arrays.fill(to, out, out + width, (byte) 0);
                    continue;
                }
                row = reflected(row, height);
            }
            int in = (y - y % height + row) * width;
            if (last > first) {
                System.arraycopy(from, in + first - right, to, out + first, last - first);
            }
            for (int x = 0; x < first; x++) {
                to[out + x] = reflects ? from[in + reflected(x - right, width)] : 0;
            }
            for (int x = Math.max(last, 0); x < width; x++) {
                to[out + x] = reflects ? from[in + reflected(x - right, width)] : 0;
            }
        }
    }

    /** The edge itself is not repeated: -1 becomes 1. */
    private static int reflected(int index, int length) {
        int positive = Math.abs(index);
        return positive < length ? positive : 2 * (length - 1) - positive;
    }
}
