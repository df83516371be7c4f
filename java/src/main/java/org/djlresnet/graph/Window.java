package org.djlresnet.graph;

/**
 * A sliding window over the height and width of a map.
 *
 * @param kernel its size
 * @param stride its step
 * @param padding rows and columns added on each side
 */
public record Window(Pair kernel, Pair stride, Pair padding) {

    /**
     * A number for the height and one for the width.
     *
     * @param height the first
     * @param width the second
     */
    public record Pair(int height, int width) {

        /**
         * Makes a pair of equal numbers.
         *
         * @param both the number
         * @return the pair
         */
        public static Pair square(int both) {
            return new Pair(both, both);
        }
    }

    /**
     * Makes a square window.
     *
     * @param kernel its height and width
     * @param stride its step in both directions
     * @param padding rows and columns added on each side
     * @return the window
     */
    public static Window square(int kernel, int stride, int padding) {
        return new Window(Pair.square(kernel), Pair.square(stride), Pair.square(padding));
    }

    /**
     * Returns the number of positions over a map.
     *
     * @param size the map's height and width
     * @return the output's height and width
     */
    public Pair over(Pair size) {
        return new Pair(
                (size.height() + 2 * padding.height() - kernel.height()) / stride.height() + 1,
                (size.width() + 2 * padding.width() - kernel.width()) / stride.width() + 1);
    }
}
