package org.djlresnet.block;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.AbstractBlock;
import ai.djl.nn.Parameter;
import ai.djl.training.ParameterStore;
import ai.djl.training.initializer.ConstantInitializer;
import ai.djl.util.PairList;

/** The logarithm of the scale of a distribution, a tensor (1). */
public final class LogScale extends AbstractBlock {

    private static final byte VERSION = 1;

    /** A deviation of 0.14, about that of images around a blurred copy. */
    private static final float FIRST = -2;

    private final Parameter value;

    /**
     * Creates a scale.
     *
     * @param trained whether it is a trained parameter; otherwise training sets it
     */
    public LogScale(boolean trained) {
        super(VERSION);
        value =
                addParameter(
                        Parameter.builder()
                                .setName("log_scale")
                                .setType(Parameter.Type.OTHER)
                                .optInitializer(new ConstantInitializer(FIRST))
                                .optRequiresGrad(trained)
                                .build());
    }

    /**
     * Returns whether it is a trained parameter.
     *
     * @return whether it is
     */
    public boolean isTrained() {
        return value.requiresGradient();
    }

    @Override
    protected void prepare(Shape[] inputShapes) {
        value.setShape(new Shape(1));
    }

    @Override
    protected NDList forwardInternal(
            ParameterStore parameterStore,
            NDList inputs,
            boolean training,
            PairList<String, Object> params) {
        NDArray like = inputs.get(0);
        return new NDList(parameterStore.getValue(value, like.getDevice(), training));
    }

    @Override
    public Shape[] getOutputShapes(Shape[] inputShapes) {
        return new Shape[] {new Shape(1)};
    }
}
