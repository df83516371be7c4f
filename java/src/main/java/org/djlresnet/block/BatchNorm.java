package org.djlresnet.block;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.AbstractBlock;
import ai.djl.nn.Parameter;
import ai.djl.training.ParameterStore;
import ai.djl.training.initializer.Initializer;
import ai.djl.util.PairList;

/**
 * Batch normalization over the channels of (N, C, H, W).
 *
 * <p>In training it normalizes by the batch's mean and biased variance and moves the running
 * statistics a tenth of the way towards them, or by another momentum; else it normalizes by the
 * running statistics. Epsilon is 1e-5. The PyTorch engine keeps the unbiased running variance,
 * MXNet the biased one.
 *
 * <p>The same mathematics as DJL's {@code BatchNorm} at its defaults, but on PyTorch without the
 * two transpositions and the temporary manager that it pays for whenever its axis is 1.
 *
 * <p>Source: Ioffe and Szegedy, "Batch Normalization", 2015.
 */
public final class BatchNorm extends AbstractBlock implements Described {

    private static final byte VERSION = 1;
    static final float MOMENTUM = 0.9f;
    private static final float EPSILON = 1e-5f;
    private static final int CHANNEL_AXIS = 1;

    private final float momentum;
    private final Parameter gamma;
    private final Parameter beta;
    private final Parameter runningMean;
    private final Parameter runningVar;
    private long batchesTracked;

    /** Creates a batch normalization whose number of channels is taken from its first input. */
    public BatchNorm() {
        this(MOMENTUM, false);
    }

    /**
     * Creates a batch normalization whose number of channels is taken from its first input.
     *
     * @param momentum what it keeps of its running statistics at each training step, from 0 to 1
     * @param zeroGamma whether its scales begin as 0 rather than 1
     */
    public BatchNorm(float momentum, boolean zeroGamma) {
        super(VERSION);
        this.momentum = momentum;
        gamma = parameter("gamma", Parameter.Type.GAMMA, true);
        if (zeroGamma) {
            gamma.setInitializer(Initializer.ZEROS);
        }
        beta = parameter("beta", Parameter.Type.BETA, true);
        runningMean = parameter("runningMean", Parameter.Type.RUNNING_MEAN, false);
        runningVar = parameter("runningVar", Parameter.Type.RUNNING_VAR, false);
    }

    private Parameter parameter(String name, Parameter.Type type, boolean trained) {
        return addParameter(
                Parameter.builder().setName(name).setType(type).optRequiresGrad(trained).build());
    }

    @Override
    protected NDList forwardInternal(
            ParameterStore parameterStore,
            NDList inputs,
            boolean training,
            PairList<String, Object> params) {
        NDArray input = inputs.singletonOrThrow();
        batchesTracked += training ? 1 : 0;
        Shape shape = input.getShape();
        if (shape.dimension() == 4 && shape.get(2) * shape.get(3) == 1) {
            // one value a channel has no order in memory to disagree on, which costs PyTorch most
            NDArray rows = input.reshape(shape.slice(0, 2));
            NDArray normal = normalize(parameterStore, rows, training).singletonOrThrow();
            return new NDList(normal.reshape(shape));
        }
        return normalize(parameterStore, input, training);
    }

    private NDList normalize(ParameterStore parameterStore, NDArray input, boolean training) {
        Device device = input.getDevice();
        // DJL's PyTorch engine takes -1 for "call batch_norm as it is", which has the channels at 1
        boolean pytorch = "PyTorch".equals(input.getManager().getEngine().getEngineName());
        return input.getNDArrayInternal()
                .batchNorm(
                        input,
                        parameterStore.getValue(runningMean, device, training),
                        parameterStore.getValue(runningVar, device, training),
                        parameterStore.getValue(gamma, device, training),
                        parameterStore.getValue(beta, device, training),
                        pytorch ? -1 : CHANNEL_AXIS,
                        momentum,
                        EPSILON,
                        training);
    }

    /**
     * Returns how many batches moved the running statistics.
     *
     * @return the number, PyTorch's {@code num_batches_tracked}
     */
    public long batchesTracked() {
        return batchesTracked;
    }

    /**
     * Sets how many batches moved the running statistics that this block is given.
     *
     * @param batches the number, which changes nothing but what {@link #batchesTracked} returns
     */
    public void setBatchesTracked(long batches) {
        batchesTracked = batches;
    }

    @Override
    public Graph.Value describe(Graph graph, Graph.Value input) {
        return graph.batchNorm(input, this, EPSILON);
    }

    @Override
    protected void prepare(Shape[] inputShapes) {
        Shape channels = new Shape(inputShapes[0].get(CHANNEL_AXIS));
        for (Parameter parameter : parameters.values()) {
            parameter.setShape(channels);
        }
    }

    @Override
    public Shape[] getOutputShapes(Shape[] inputShapes) {
        return new Shape[] {inputShapes[0]};
    }
}
