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
import org.djlresnet.graph.Described;
import org.djlresnet.graph.GraphBuilder;
import org.djlresnet.graph.Value;

/**
 * Batch normalization over the channels of (N, C, H, W).
 *
 * <p>Training normalizes with the batch's mean and biased variance, and updates the running
 * statistics, by default with weight 0.1 for the new values. Evaluation normalizes with the running
 * statistics. Epsilon is 1e-5 by default. PyTorch tracks the unbiased variance, MXNet the biased
 * one.
 *
 * <p>Computes the same as DJL's {@code BatchNorm} with its defaults, but on PyTorch avoids the two
 * transpositions and the temporary manager that DJL uses when the axis is 1.
 *
 * <p>Source: Ioffe and Szegedy, "Batch Normalization", 2015.
 */
public final class BatchNorm extends AbstractBlock implements Described {

    private static final byte VERSION = 1;
    static final float MOMENTUM = 0.9f;
    private static final float EPSILON = 1e-5f;
    private static final int CHANNEL_AXIS = 1;

    private final float momentum;
    private final float epsilon;
    private final Parameter gamma;
    private final Parameter beta;
    private final Parameter runningMean;
    private final Parameter runningVar;
    private long batchesTracked;
    private boolean keepsStatistics;

    /** Creates a layer whose number of channels is inferred from its first input. */
    public BatchNorm() {
        this(MOMENTUM, false);
    }

    /**
     * Creates a layer whose number of channels is inferred from its first input.
     *
     * @param momentum the weight of the old running statistics at each training step, from 0 to 1
     * @param zeroGamma whether to initialize gamma to 0 rather than 1
     */
    public BatchNorm(float momentum, boolean zeroGamma) {
        this(momentum, EPSILON, true);
        if (zeroGamma) {
            gamma.setInitializer(Initializer.ZEROS);
        }
    }

    /**
     * Creates a layer whose number of channels is inferred from its first input.
     *
     * @param momentum the weight of the old running statistics at each training step, from 0 to 1
     * @param epsilon the number added to the variance
     * @param trainsGamma whether gamma is trained, rather than 1
     */
    public BatchNorm(float momentum, float epsilon, boolean trainsGamma) {
        super(VERSION);
        this.momentum = momentum;
        this.epsilon = epsilon;
        gamma = parameter("gamma", Parameter.Type.GAMMA, trainsGamma);
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
        boolean updates = training && !keepsStatistics;
        batchesTracked += updates ? 1 : 0;
        Device device = input.getDevice();
        // with -1 DJL calls PyTorch's batch_norm directly, whose channels are axis 1
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
                        epsilon,
                        updates);
    }

    /**
     * Sets whether training steps keep the running statistics and normalize with them, as
     * evaluation does.
     *
     * @param keep whether they do; by default they do not
     */
    public void keepStatistics(boolean keep) {
        keepsStatistics = keep;
    }

    /**
     * Returns whether training steps keep the running statistics.
     *
     * @return what {@link #keepStatistics} has set
     */
    public boolean keepsStatistics() {
        return keepsStatistics;
    }

    /**
     * Returns the momentum.
     *
     * @return the weight of the old running statistics at each training step
     */
    public float momentum() {
        return momentum;
    }

    /**
     * Returns the number of batches in the running statistics.
     *
     * @return the number, PyTorch's {@code num_batches_tracked}
     */
    public long batchesTracked() {
        return batchesTracked;
    }

    /**
     * Sets the number of batches in the running statistics. This does not affect results.
     *
     * @param batches the number that {@link #batchesTracked} returns
     */
    public void setBatchesTracked(long batches) {
        batchesTracked = batches;
    }

    /**
     * Returns whether gamma is trained.
     *
     * @return whether it is
     */
    public boolean trainsGamma() {
        return gamma.requiresGradient();
    }

    @Override
    public Value describe(GraphBuilder graph, Value input) {
        return graph.batchNorm(input, this, momentum, epsilon);
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
