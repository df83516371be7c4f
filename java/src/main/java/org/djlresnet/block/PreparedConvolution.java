package org.djlresnet.block;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.convolutional.Conv2d;
import org.djlresnet.engine.EngineTraits;

/**
 * A convolution whose weight does not change any more, so that its weight is arranged once, for the
 * size of the first map and again where a map of another size comes.
 *
 * <p>The mathematics and the choice of the form are those of {@link Convolution}, without
 * gradients.
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

    /** The weight in the order that serves, or for products a matrix for each output position. */
    private NDList prepared;

    /**
     * Creates a convolution.
     *
     * @param weight (out, in / groups, kernel, kernel), with an odd kernel; it stays the caller's
     * @param bias (out); it stays the caller's
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

    /** Frees what the products leave between. */
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

    /** Frees what was arranged. */
    @Override
    public void close() {
        map = null;
        if (manager != null) {
            manager.close();
            manager = null;
        }
    }
}
