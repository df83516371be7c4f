package org.djlresnet.landscape;

import java.util.List;

/**
 * The points of one or more surfaces over the same grid, numbered by surface, x and y.
 *
 * @param surfaces the number of surfaces, 1 or more
 * @param axes the one axis of lines, or the two of planes
 */
public record Grid(int surfaces, List<Axis> axes) {

    /**
     * Evenly spaced coordinates.
     *
     * @param first the first
     * @param last the last
     * @param count their number, 2 or more
     */
    public record Axis(double first, double last, int count) {

        /**
         * Returns a coordinate. The middle of a symmetric range is exactly 0.
         *
         * @param index 0 to count - 1
         * @return the coordinate
         */
        public double at(int index) {
            if (index == 0 || index == count - 1) {
                return index == 0 ? first : last;
            }
            return (first * (count - 1 - index) + last * index) / (count - 1);
        }
    }

    /**
     * Returns the number of points.
     *
     * @return the number over all surfaces
     */
    public int size() {
        return surfaces * perSurface();
    }

    private int perSurface() {
        return axes.stream().mapToInt(Axis::count).reduce(1, Math::multiplyExact);
    }

    /**
     * Returns the surface of a point.
     *
     * @param point 0 to size - 1
     * @return the number of the surface, from 0
     */
    public int surface(int point) {
        return point / perSurface();
    }

    /**
     * Returns the indices of a point along the axes.
     *
     * @param point 0 to size - 1
     * @return an index for each axis
     */
    public int[] indices(int point) {
        int[] indices = new int[axes.size()];
        int rest = point % perSurface();
        for (int axis = axes.size() - 1; axis >= 0; axis--) {
            indices[axis] = rest % axes.get(axis).count();
            rest /= axes.get(axis).count();
        }
        return indices;
    }

    /**
     * Returns the coordinates of a point.
     *
     * @param point 0 to size - 1
     * @return a coordinate for each axis
     */
    public double[] coordinates(int point) {
        int[] indices = indices(point);
        double[] coordinates = new double[indices.length];
        for (int axis = 0; axis < indices.length; axis++) {
            coordinates[axis] = axes.get(axis).at(indices[axis]);
        }
        return coordinates;
    }

    /**
     * Finds a point.
     *
     * @param surface its surface
     * @param indices its index along each axis
     * @return its number
     * @throws IndexOutOfBoundsException if there is no such point
     */
    public int point(int surface, int... indices) {
        int point = inside(surface, surfaces);
        for (int axis = 0; axis < indices.length; axis++) {
            int count = axes.get(axis).count();
            point = point * count + inside(indices[axis], count);
        }
        return point;
    }

    private static int inside(int index, int count) {
        if (index < 0 || index >= count) {
            throw new IndexOutOfBoundsException("Not a point of the grid: index " + index);
        }
        return index;
    }
}
