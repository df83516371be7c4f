package org.djlresnet.block;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDArrays;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.index.NDIndex;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.convolutional.Conv2d;
import ai.djl.nn.core.Linear;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/**
 * Computes a convolution whose output has few positions as one matrix product per position.
 *
 * <p>If o is an output position and i(o, t) the input position under the kernel's tap t,
 *
 * <pre>y[o] = bias + [x[i(o, t₁)], x[i(o, t₂)], …] · [weight[t₁], weight[t₂], …]</pre>
 *
 * <p>over the taps that cover a position of the map; those that cover padding are skipped. With a
 * 3×3 kernel, 1 of 9 taps is left for a map of 1×1, and 4 for each output of a map of 2×2. If every
 * output depends on the whole map, a single product computes them all. The result differs from the
 * padded convolution's only by rounding.
 */
final class PositionProducts {

    /** Products are faster for at most this many output positions. */
    private static final long MAX_POSITIONS = 4;

    /**
     * Below this size of a tap's matrix, the calls cost more than the multiplications they save.
     */
    private static final long MIN_TAP_SIZE = 64 * 64;

    /** Rows of a product are laid out as a map of this width. */
    private static final int ROW_MAP_WIDTH = 16;

    private static final int MIN_MAP_ROWS = 4 * ROW_MAP_WIDTH;

    private final int inputs;
    private final Shape outputs;

    /** For each output position, row by row, the inputs under the kernel and the taps over them. */
    private final List<Window> windows = new ArrayList<>();

    /** Whether each window covers the whole map, so that one product computes all outputs. */
    private final boolean whole;

    private record Window(List<Integer> inputs, List<Integer> taps) {}

    /**
     * Finds the inputs under each tap.
     *
     * @param map the map's shape, (N, in, H, W)
     * @param kernel the kernel's height and width, an odd number; the padding is half of it
     * @param stride over height and width
     */
    PositionProducts(Shape map, int kernel, Shape stride) {
        Axis rows = new Axis(kernel, (int) map.get(2), (int) stride.get(0));
        Axis columns = new Axis(kernel, (int) map.get(3), (int) stride.get(1));
        inputs = rows.size() * columns.size();
        outputs = new Shape(rows.outputs(), columns.outputs());
        for (int row = 0; row < rows.outputs(); row++) {
            for (int column = 0; column < columns.outputs(); column++) {
                Window window = new Window(new ArrayList<>(), new ArrayList<>());
                for (int y = rows.first(row); y < rows.end(row); y++) {
                    for (int x = columns.first(column); x < columns.end(column); x++) {
                        window.inputs.add(y * columns.size() + x);
                        window.taps.add(rows.tap(row, y) * kernel + columns.tap(column, x));
                    }
                }
                windows.add(window);
            }
        }
        whole = windows.stream().allMatch(window -> window.inputs.size() == inputs);
    }

    /** One direction of the map. */
    private record Axis(int kernel, int size, int stride) {

        int outputs() {
            return (int) positions(size, stride);
        }

        private int start(int output) {
            return output * stride - kernel / 2;
        }

        /** Returns the first input under the kernel that is not padding. */
        int first(int output) {
            return Math.max(0, start(output));
        }

        /** Returns the index after the last input under the kernel. */
        int end(int output) {
            return Math.min(size, start(output) + kernel);
        }

        int tap(int output, int input) {
            return input - start(output);
        }
    }

    /**
     * Returns whether products are faster than a convolution. A 1×1 kernel never covers padding, so
     * products save nothing.
     *
     * @param map the map's shape, (N, in, H, W)
     * @param weight the weight's shape, (out, in, kernel, kernel)
     * @param stride over height and width
     * @return whether to use products
     */
    static boolean suit(Shape map, Shape weight, Shape stride) {
        return weight.get(2) > 1
                && positions(map.get(2), stride.get(0)) * positions(map.get(3), stride.get(1))
                        <= MAX_POSITIONS
                && weight.get(0) * weight.get(1) >= MIN_TAP_SIZE;
    }

    /** Returns the number of outputs along a map's height or width. */
    private static long positions(long size, long stride) {
        return (size + stride - 1) / stride;
    }

    /**
     * Convolves.
     *
     * @param x (N, in, H, W)
     * @param weight (out, in, kernel, kernel), with an odd kernel
     * @param bias (out), or null
     * @param stride over height and width
     * @return (N, out, ⌈H / stride⌉, ⌈W / stride⌉), with a padding of kernel / 2 on each side
     */
    static NDArray convolve(NDArray x, NDArray weight, NDArray bias, Shape stride) {
        int kernel = (int) weight.getShape().get(2);
        PositionProducts products = new PositionProducts(x.getShape(), kernel, stride);
        return products.apply(x, products.matrices(weight, x.getManager()), bias);
    }

    /**
     * Joins the taps of each output position.
     *
     * @param weight (out, in, kernel, kernel)
     * @param manager the manager of the matrices, which would otherwise live as long as the weight
     * @return a matrix (out, inputs under the kernel · in) for each output position, row by row; or
     *     all of them stacked in one matrix, if every output depends on the whole map
     */
    NDList matrices(NDArray weight, NDManager manager) {
        Shape s = weight.getShape();
        NDArray view = weight.transpose(2, 3, 0, 1);
        view.attach(manager);
        if (inputs == 1) {
            return new NDList(view.get(new NDIndex(s.get(2) / 2, s.get(3) / 2)));
        }
        // one split has one gradient for all; a gradient for each tap would fill the weight's size
        long count = s.get(2) * s.get(3);
        NDList taps = view.reshape(count * s.get(0), s.get(1)).split(count, 0);
        NDList matrices = new NDList();
        windows.forEach(window -> matrices.add(joined(taps, window.taps)));
        return whole ? new NDList(joined(matrices, 0)) : matrices;
    }

    /**
     * Convolves.
     *
     * @param x (N, in, H, W), of the map's size
     * @param matrices the result of {@link #matrices}
     * @param bias (out), or null
     * @return (N, out, ⌈H / stride⌉, ⌈W / stride⌉)
     */
    NDArray apply(NDArray x, NDList matrices, NDArray bias) {
        long examples = x.getShape().get(0);
        // channels-last, so that each position's channels are neighbours, and all of them one row
        NDArray map = x.transpose(0, 2, 3, 1).reshape(examples, inputs * x.getShape().get(1));
        NDArray y =
                whole
                        ? product(map, matrices.get(0), repeated(bias, x.getManager()))
                        : oneByOne(map, matrices, bias);
        long out = y.getShape().get(1) / windows.size();
        return y.reshape(examples, outputs.get(0), outputs.get(1), out).transpose(0, 3, 1, 2);
    }

    private NDArray oneByOne(NDArray map, NDList matrices, NDArray bias) {
        NDList positions = map.split(inputs, 1);
        NDList products = new NDList();
        for (int i = 0; i < windows.size(); i++) {
            products.add(product(joined(positions, windows.get(i).inputs), matrices.get(i), bias));
        }
        return joined(products, 1);
    }

    /** Repeats the bias for each output position. */
    private NDArray repeated(NDArray bias, NDManager manager) {
        if (bias == null || windows.size() == 1) {
            return bias;
        }
        NDArray all = joined(new NDList(Collections.nCopies(windows.size(), bias)), 0);
        all.attach(manager);
        return all;
    }

    private static NDArray joined(NDList parts, List<Integer> chosen) {
        return joined(new NDList(chosen.stream().map(parts::get).toList()), 1);
    }

    private static NDArray joined(NDList parts, int axis) {
        return parts.size() == 1 ? parts.get(0) : NDArrays.concat(parts, axis);
    }

    /** Multiplies (rows, in) by the transpose of (out, in) to (rows, out). */
    private static NDArray product(NDArray x, NDArray weight, NDArray bias) {
        long rows = x.getShape().get(0);
        long in = x.getShape().get(1);
        long out = weight.getShape().get(0);
        if (rows < MIN_MAP_ROWS || rows % ROW_MAP_WIDTH != 0) {
            return Linear.linear(x, weight, bias).singletonOrThrow();
        }
        // the kernels of a 1×1 convolution over one large map are faster than those of a product
        NDArray map = x.reshape(1, rows / ROW_MAP_WIDTH, ROW_MAP_WIDTH, in).transpose(0, 3, 1, 2);
        return Conv2d.conv2d(map, weight.reshape(out, in, 1, 1), bias)
                .singletonOrThrow()
                .transpose(0, 2, 3, 1)
                .reshape(rows, out);
    }
}
