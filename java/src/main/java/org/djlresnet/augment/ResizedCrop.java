package org.djlresnet.augment;

import org.djlresnet.data.SplitMix64;

/**
 * Crops a random rectangle and resizes it to the network's size, like torchvision's {@code
 * RandomResizedCrop} of a PIL image: its aspect ratio is 3/4 to 4/3, the resizing bilinear with
 * antialiasing, in bytes.
 *
 * @param min the smallest area, as a fraction of the image's
 * @param max the largest
 */
record ResizedCrop(double min, double max) implements Augmentation {

    private static final int ATTEMPTS = 10;
    private static final double LOG_RATIO = StrictMath.log(4.0 / 3);

    @Override
    public void apply(Canvas canvas, Draw draw) {
        SplitMix64 random = draw.random();
        int height = canvas.height();
        int width = canvas.width();
        for (int i = 0; i < ATTEMPTS; i++) {
            double area = height * (double) width * between(random, min, max);
            double ratio = StrictMath.exp(between(random, -LOG_RATIO, LOG_RATIO));
            int columns = (int) Math.rint(Math.sqrt(area * ratio));
            int rows = (int) Math.rint(Math.sqrt(area / ratio));
            if (columns >= 1 && columns <= width && rows >= 1 && rows <= height) {
                int top = random.nextInt(height - rows + 1);
                int left = random.nextInt(width - columns + 1);
                canvas.cropAndResize(top, left, rows, columns);
                return;
            }
        }
        int columns = (int) Math.min(width, Math.rint(height * 4 / 3.0));
        int rows = (int) Math.min(height, Math.rint(width * 4 / 3.0));
        canvas.cropAndResize((height - rows) / 2, (width - columns) / 2, rows, columns);
    }

    static double between(SplitMix64 random, double from, double to) {
        return from + (to - from) * random.nextDouble();
    }
}
