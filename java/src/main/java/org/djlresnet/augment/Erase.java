package org.djlresnet.augment;

import org.djlresnet.data.SplitMix64;
import org.djlresnet.image.ImageShape;

/**
 * Fills a random rectangle inside the image (Zhong et al., "Random Erasing Data Augmentation",
 * 2017).
 *
 * @param probability the probability of erasing
 * @param least the smallest side in pixels; 0 for an area of 2 to 33 percent with an aspect ratio
 *     of 0.3 to 3.3, as in torchvision's {@code RandomErasing}
 * @param most the largest side in pixels
 * @param black whether to fill with black instead of random bytes
 */
record Erase(double probability, int least, int most, boolean black) implements Augmentation {

    private static final int ATTEMPTS = 10;
    private static final double LEAST_LOG = StrictMath.log(0.3);
    private static final double MOST_LOG = StrictMath.log(3.3);

    @Override
    public String misfit(ImageShape shape) {
        int side = Math.min(shape.height(), shape.width());
        return most > side ? "sides of up to " + side + " pixels" : null;
    }

    @Override
    public void apply(Canvas canvas, Draw draw) {
        SplitMix64 random = draw.random();
        if (random.nextDouble() >= probability) {
            return;
        }
        if (least > 0) {
            int rows = least + random.nextInt(most - least + 1);
            int columns = least + random.nextInt(most - least + 1);
            fill(canvas, random, rows, columns);
            return;
        }
        double area = canvas.height() * (double) canvas.width();
        for (int i = 0; i < ATTEMPTS; i++) {
            double part = area * ResizedCrop.between(random, 0.02, 0.33);
            double ratio = StrictMath.exp(ResizedCrop.between(random, LEAST_LOG, MOST_LOG));
            int rows = (int) Math.rint(Math.sqrt(part * ratio));
            int columns = (int) Math.rint(Math.sqrt(part / ratio));
            if (rows < canvas.height() && columns < canvas.width()) {
                fill(canvas, random, rows, columns);
                return;
            }
        }
    }

    private void fill(Canvas canvas, SplitMix64 random, int rows, int columns) {
        int top = random.nextInt(canvas.height() - rows + 1);
        int left = random.nextInt(canvas.width() - columns + 1);
        fill(canvas, black ? null : random, top, left, top + rows, left + columns);
    }

    /** Fills a rectangle with random bytes, or with black if there is no generator. */
    static void fill(Canvas canvas, SplitMix64 noise, int top, int left, int bottom, int right) {
        byte[] pixels = canvas.pixels();
        long bits = 0;
        int unused = 0;
        for (int c = 0; c < canvas.channels(); c++) {
            for (int y = top; y < bottom; y++) {
                int row = (c * canvas.height() + y) * canvas.width();
                for (int x = row + left; x < row + right; x++) {
                    if (noise != null && unused == 0) {
                        bits = noise.nextLong();
                        unused = Long.BYTES;
                    }
                    pixels[x] = (byte) bits;
                    bits >>>= Byte.SIZE;
                    unused--;
                }
            }
        }
    }
}
