package org.djlresnet.block;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDArrays;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.index.NDIndex;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.convolutional.Conv2d;
import ai.djl.nn.core.Linear;

/**
 * A convolution to a map of few positions, as one matrix product for each of them.
 *
 * <p>With o an output position and i(o, t) the input position that the kernel's tap t covers there,
 *
 * <pre>y[o] = bias + [x[i(o, t₁)], x[i(o, t₂)], …] · [weight[t₁], weight[t₂], …]</pre>
 *
 * <p>over the taps that cover a position of the map; those that cover padding are left out. From a
 * map of 1×1 one tap of nine is left, from one of 2×2 four for each output. The result differs from
 * the padded convolution's by rounding only.
 */
final class PositionProducts {

    /** The maps that pay: of at most this many output positions. */
    private static final long MAX_POSITIONS = 4;

    /** Below this size of a tap's matrix the calls cost more than the multiplications they save. */
    private static final long MIN_TAP_SIZE = 64 * 64;

    /** Rows of a product are laid out as a map of this width. */
    private static final int ROW_MAP_WIDTH = 16;

    private static final int MIN_MAP_ROWS = 4 * ROW_MAP_WIDTH;

    private PositionProducts() {}

    /**
     * Tells whether products are the faster form.
     *
     * @param weight the weight's shape, (out, in, kernel, kernel)
     * @param output the output's shape, (N, out, H, W)
     * @return whether {@link #convolve} should stand for the convolution
     */
    static boolean suit(Shape weight, Shape output) {
        return output.get(2) * output.get(3) <= MAX_POSITIONS
                && weight.get(0) * weight.get(1) >= MIN_TAP_SIZE;
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
        Shape in = x.getShape();
        int kernel = (int) weight.getShape().get(2);
        Axis rows = new Axis(kernel, (int) in.get(2), (int) stride.get(0));
        Axis columns = new Axis(kernel, (int) in.get(3), (int) stride.get(1));
        int positions = rows.size() * columns.size();
        // channels-last, so that each position's channels are neighbours, and all of them one row
        NDArray map = x.transpose(0, 2, 3, 1).reshape(in.get(0), positions * in.get(1));
        NDList inputs = positions == 1 ? new NDList(map) : map.split(positions, 1);
        NDList taps = taps(weight, x.getManager(), positions == 1);
        NDList products = new NDList();
        for (int row = 0; row < rows.outputs(); row++) {
            for (int column = 0; column < columns.outputs(); column++) {
                NDList covered = new NDList();
                NDList covering = new NDList();
                for (int y = rows.first(row); y < rows.end(row); y++) {
                    for (int at = columns.first(column); at < columns.end(column); at++) {
                        int tap = rows.tap(row, y) * kernel + columns.tap(column, at);
                        covered.add(inputs.get(y * columns.size() + at));
                        covering.add(taps.get(taps.size() == 1 ? 0 : tap));
                    }
                }
                NDArray window = covered.size() == positions ? map : joined(covered);
                products.add(product(window, joined(covering), bias));
            }
        }
        return joined(products)
                .reshape(in.get(0), rows.outputs(), columns.outputs(), weight.getShape().get(0))
                .transpose(0, 3, 1, 2);
    }

    /** One direction of the map: which inputs the kernel covers for an output, and by which tap. */
    private record Axis(int kernel, int size, int stride) {

        int outputs() {
            return (size + stride - 1) / stride;
        }

        private int start(int output) {
            return output * stride - kernel / 2;
        }

        /** The first input under the kernel that is no padding. */
        int first(int output) {
            return Math.max(0, start(output));
        }

        /** The input after the last one under the kernel. */
        int end(int output) {
            return Math.min(size, start(output) + kernel);
        }

        int tap(int output, int input) {
            return input - start(output);
        }
    }

    /** (out, in, kernel, kernel) → for each tap, row by row, (out, in); or the centre's alone. */
    private static NDList taps(NDArray weight, NDManager manager, boolean centreOnly) {
        Shape s = weight.getShape();
        long count = s.get(2) * s.get(3);
        NDArray view = weight.transpose(2, 3, 0, 1);
        // what is made of the weight would else live as long as the network
        view.attach(manager);
        if (centreOnly) {
            return new NDList(view.reshape(count, s.get(0), s.get(1)).get(new NDIndex(count / 2)));
        }
        // one split has one gradient for all; a gradient for each tap would fill the weight's size
        return view.reshape(count * s.get(0), s.get(1)).split(count, 0);
    }

    private static NDArray joined(NDList columns) {
        return columns.size() == 1 ? columns.get(0) : NDArrays.concat(columns, 1);
    }

    /** (rows, in) times the transpose of (out, in) → (rows, out). */
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
