package org.djlresnet.augment;

/**
 * Flips an image horizontally.
 *
 * @param probability the probability of a flip
 */
record Flip(double probability) implements Augmentation {

    @Override
    public void apply(Canvas canvas, Draw draw) {
        if (draw.random().nextDouble() < probability) {
            mirror(canvas);
        }
    }

    static void mirror(Canvas canvas) {
        byte[] pixels = canvas.pixels();
        int width = canvas.width();
        int end = canvas.channels() * canvas.height() * width;
        for (int row = 0; row < end; row += width) {
            for (int left = row, right = row + width - 1; left < right; left++, right--) {
                byte moved = pixels[left];
                pixels[left] = pixels[right];
                pixels[right] = moved;
            }
        }
    }
}
