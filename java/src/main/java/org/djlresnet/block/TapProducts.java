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
import java.util.List;
import java.util.stream.IntStream;

/**
 * A convolution over a map of few positions, as matrix products: one for each tap of the kernel
 * that meets the map.
 *
 * <p>With o an output position, t a tap and i(o, t) the input position that the tap covers there,
 *
 * <pre>y[o] = bias + Σ_t weight[t] · x[i(o, t)]</pre>
 *
 * <p>where taps that cover padding only are left out. On a map of 1×1 one tap of nine is left, on
 * one of 2×2 sixteen products of a position and a tap of thirty-six. The result differs from the
 * padded convolution's by rounding only.
 */
final class TapProducts {

    /** The maps that pay: of at most this many output positions. */
    private static final long MAX_POSITIONS = 4;

    /** Below this size of a tap's matrix the calls cost more than the multiplications they save. */
    private static final long MIN_TAP_SIZE = 64 * 64;

    /** Rows of a product are laid out as a map of this width. */
    private static final int ROW_MAP_WIDTH = 16;

    private static final int MIN_MAP_ROWS = 4 * ROW_MAP_WIDTH;

    private TapProducts() {}

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
        int kernel = (int) weight.getShape().get(2);
        int centre = kernel / 2;
        Axis rows = new Axis(kernel, x.getShape().get(2), stride.get(0));
        Axis columns = new Axis(kernel, x.getShape().get(3), stride.get(1));
        NDList positions = positions(x);
        NDList taps = taps(weight, x.getManager(), positions.size() == 1);
        NDArray[] sums = new NDArray[rows.outputs() * columns.outputs()];
        for (int tap = 0; tap < kernel * kernel; tap++) {
            NDList covered = new NDList();
            List<Integer> outputs = new ArrayList<>();
            for (int row : rows.meeting(tap / kernel)) {
                for (int column : columns.meeting(tap % kernel)) {
                    int y = rows.input(tap / kernel, row);
                    int at = columns.input(tap % kernel, column);
                    covered.add(positions.get(y * (int) columns.size() + at));
                    outputs.add(row * columns.outputs() + column);
                }
            }
            if (covered.isEmpty()) {
                continue;
            }
            boolean first = tap == centre * kernel + centre;
            NDArray product =
                    product(
                            joined(covered),
                            taps.get(taps.size() == 1 ? 0 : tap),
                            first ? bias : null);
            NDList parts = product.split(outputs.size(), 0);
            for (int i = 0; i < outputs.size(); i++) {
                int output = outputs.get(i);
                sums[output] = sums[output] == null ? parts.get(i) : sums[output].add(parts.get(i));
            }
        }
        return map(sums, x.getShape().get(0), rows.outputs(), columns.outputs());
    }

    /** One direction of the map: which input a tap covers for which output. */
    private record Axis(int kernel, long size, long stride) {

        int outputs() {
            return (int) ((size + stride - 1) / stride);
        }

        /** The input under a tap, outside 0 … size − 1 where that is padding. */
        int input(int tap, int output) {
            return (int) (output * stride) + tap - kernel / 2;
        }

        /** The outputs for which a tap covers an input rather than padding. */
        int[] meeting(int tap) {
            return IntStream.range(0, outputs())
                    .filter(output -> input(tap, output) >= 0 && input(tap, output) < size)
                    .toArray();
        }
    }

    /** (N, C, H, W) → for each position, row by row, (N, C). */
    private static NDList positions(NDArray x) {
        Shape s = x.getShape();
        long count = s.get(2) * s.get(3);
        if (count == 1) {
            return new NDList(x.reshape(s.get(0), s.get(1)));
        }
        return x.transpose(2, 3, 0, 1).reshape(count * s.get(0), s.get(1)).split(count, 0);
    }

    /** (out, in, kernel, kernel) → for each tap, row by row, (out, in); or the centre's alone. */
    private static NDList taps(NDArray weight, NDManager manager, boolean centreOnly) {
        Shape s = weight.getShape();
        long count = s.get(2) * s.get(3);
        NDArray view = weight.transpose(2, 3, 0, 1);
        // what is made of the weight would else live as long as the network
        view.attach(manager);
        NDArray byTap = view.reshape(count, s.get(0), s.get(1));
        if (centreOnly) {
            return new NDList(byTap.get(new NDIndex(count / 2)));
        }
        NDList taps = new NDList();
        // one split has one gradient for all; a gradient for each tap would fill the weight's size
        byTap.split(count, 0).forEach(tap -> taps.add(tap.reshape(s.get(0), s.get(1))));
        return taps;
    }

    private static NDArray joined(NDList parts) {
        return parts.size() == 1 ? parts.get(0) : NDArrays.concat(parts, 0);
    }

    /** (rows, in) times the transpose of (out, in) → (rows, out). */
    private static NDArray product(NDArray x, NDArray tap, NDArray bias) {
        long rows = x.getShape().get(0);
        long in = x.getShape().get(1);
        long out = tap.getShape().get(0);
        if (rows < MIN_MAP_ROWS || rows % ROW_MAP_WIDTH != 0) {
            return Linear.linear(x, tap, bias).singletonOrThrow();
        }
        // the kernels of a 1×1 convolution over one large map are faster than those of a product
        NDArray map = x.reshape(1, rows / ROW_MAP_WIDTH, ROW_MAP_WIDTH, in).transpose(0, 3, 1, 2);
        return Conv2d.conv2d(map, tap.reshape(out, in, 1, 1), bias)
                .singletonOrThrow()
                .transpose(0, 2, 3, 1)
                .reshape(rows, out);
    }

    /** For each output position (N, out) → (N, out, height, width), channels-last in memory. */
    private static NDArray map(NDArray[] positions, long examples, long height, long width) {
        long out = positions[0].getShape().get(1);
        NDArray rows =
                positions.length == 1 ? positions[0] : NDArrays.stack(new NDList(positions), 1);
        return rows.reshape(examples, height, width, out).transpose(0, 3, 1, 2);
    }
}
