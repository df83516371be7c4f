package org.djlresnet.block;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.AbstractBlock;
import ai.djl.training.ParameterStore;
import ai.djl.util.PairList;

/**
 * Appends the one-hot vector of each example's class to its values: (N, A) and the classes, int32,
 * (N) → (N, A + classes).
 */
final class ClassInput extends AbstractBlock {

    private static final byte VERSION = 1;

    private final int classes;

    ClassInput(int classes) {
        super(VERSION);
        this.classes = classes;
    }

    int classes() {
        return classes;
    }

    @Override
    protected NDList forwardInternal(
            ParameterStore parameterStore,
            NDList inputs,
            boolean training,
            PairList<String, Object> params) {
        NDArray values = inputs.get(0);
        NDArray hot = inputs.get(1).oneHot(classes).toType(values.getDataType(), false);
        return new NDList(values.concat(hot, 1));
    }

    @Override
    public Shape[] getOutputShapes(Shape[] inputShapes) {
        Shape in = inputShapes[0];
        return new Shape[] {new Shape(in.get(0), in.get(1) + classes)};
    }
}
