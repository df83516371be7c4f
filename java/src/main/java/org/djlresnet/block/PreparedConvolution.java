package org.djlresnet.block;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.convolutional.Conv2d;
import org.djlresnet.engine.EngineTraits;

/**
 * A convolution with a constant weight, which is arranged in memory once per map size rather than
 * at each call.
 *
 * <p>It computes the same as {@link Convolution}, in the same way, but without gradients.
 */
public final class PreparedConvolution implements AutoCloseable {

    private static final Shape NO_DILATION = new Shape(1, 1);

    private final NDArray weight;
    private final NDArray bias;
    private final Shape stride;
    private final Shape padding;
    private final int groups;

    private Shape map;
    private NDManager manager;
    private PositionProducts products;

    /** The weight in the chosen memory order, or for products a matrix per output position. */
    private NDList prepared;

    /**
     * Creates a convolution.
     *
     * @param weight (out, in / groups, kernel, kernel), with an odd kernel; the caller still owns
     *     it
     * @param bias (out); the caller still owns it
     * @param stride over height and width
     * @param groups the number of groups of channels
     */
    public PreparedConvolution(NDArray weight, NDArray bias, Shape stride, int groups) {
        this.weight = weight;
        this.bias = bias;
        this.stride = stride;
        this.groups = groups;
        long half = weight.getShape().get(2) / 2;
        padding = new Shape(half, half);
    }

    /**
     * Convolves.
     *
     * @param x (N, in, H, W)
     * @return (N, out, ⌈H / stride⌉, ⌈W / stride⌉), with x's manager
     */
    public NDArray apply(NDArray x) {
        Shape size = x.getShape().slice(2);
        if (!size.equals(map)) {
            close();
            prepare(x.getShape());
            map = size;
        }
        if (products != null) {
            return byProducts(x);
        }
        return Conv2d.conv2d(x, prepared.get(0), bias, stride, padding, NO_DILATION, groups)
                .singletonOrThrow();
    }

    /** Convolves by products, and frees intermediate arrays. */
    private NDArray byProducts(NDArray x) {
        NDManager caller = x.getManager();
        try (NDManager scope = caller.newSubManager();
                NDArray view = x.stopGradient()) {
            view.attach(scope);
            NDArray y = products.apply(view, prepared, bias);
            y.attach(caller);
            return y;
        }
    }

    private void prepare(Shape x) {
        Shape w = weight.getShape();
        manager = weight.getManager().newSubManager();
        MemoryOrder order =
                MemoryOrder.of(
                        weight.getDevice(),
                        EngineTraits.of(manager.getEngine()),
                        groups == 1 && PositionProducts.suit(x, w, stride));
        try (NDManager scope = manager.newSubManager()) {
            NDArray values = weight.stopGradient();
            values.attach(scope);
            if (order == MemoryOrder.TAPS_FIRST) {
                products = new PositionProducts(x, (int) w.get(2), stride);
                prepared = products.matrices(values, scope);
            } else {
                products = null;
                prepared = new NDList(order.arrange(values));
            }
            prepared.attach(manager);
        }
    }

    /** Frees the arranged weights. */
    @Override
    public void close() {
        map = null;
        if (manager != null) {
            manager.close();
            manager = null;
        }
    }
}
