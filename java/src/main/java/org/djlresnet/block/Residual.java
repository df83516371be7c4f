package org.djlresnet.block;

import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.AbstractBlock;
import ai.djl.nn.Block;
import ai.djl.training.ParameterStore;
import ai.djl.util.PairList;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import org.djlresnet.graph.Described;
import org.djlresnet.graph.GraphBuilder;
import org.djlresnet.graph.Value;

/**
 * The residual block of <i>Dive into Deep Learning</i> (Java edition, 7.6): relu(F(x) +
 * shortcut(x)).
 *
 * <p>F is a 3×3 convolution with the given stride, batch normalization, ReLU, a 3×3 convolution and
 * batch normalization. The shortcut is the identity, or a 1×1 convolution with the same stride that
 * projects x to the shape of F(x). All convolutions have biases; the projection has no batch
 * normalization.
 *
 * <p>Shapes: (N, C, H, W) → (N, numChannels, ⌈H/stride⌉, ⌈W/stride⌉). Without the projection, C
 * must be numChannels and the stride 1.
 *
 * <p>Source: He et al., "Deep Residual Learning for Image Recognition", 2016, in the book's
 * version.
 *
 * <pre>{@code
 * Residual halving = new Residual(6, true, new Shape(2, 2));
 * halving.getOutputShapes(new Shape[] {new Shape(4, 3, 6, 6)}); // (4, 6, 3, 3)
 * }</pre>
 */
public final class Residual extends AbstractBlock
        implements NamedModules, ResidualBlock, StageBlock, Described {

    private static final byte VERSION = 2;

    private final int numChannels;
    private final boolean projects;
    private final Chain branch = new Chain();
    private final BranchGate gate = new BranchGate();
    private final Map<String, Block> modules = new LinkedHashMap<>();
    private final Branches block;

    /**
     * Creates a residual block.
     *
     * @param numChannels the number of output channels, at least 1
     * @param use1x1Conv whether the shortcut is a 1×1 convolution rather than the identity
     * @param stride the stride over height and width of the first convolution and of the shortcut
     * @throws IllegalArgumentException if numChannels or a stride is below 1, the stride is not
     *     (height, width), or the shortcut is the identity and the stride above 1
     */
    public Residual(int numChannels, boolean use1x1Conv, Shape stride) {
        super(VERSION);
        requireValid(numChannels, use1x1Conv, stride);
        this.numChannels = numChannels;
        this.projects = use1x1Conv;
        Shape one = new Shape(1, 1);
        add("Conv2d", "conv1", Layers.convolution(numChannels, 3, stride, true));
        add("BatchNorm", "bn1", new BatchNorm());
        branch.append("LambdaBlock", Layers.relu());
        add("Conv2d", "conv2", Layers.convolution(numChannels, 3, one, true));
        add("BatchNorm", "bn2", new BatchNorm());
        Block shortcut;
        if (use1x1Conv) {
            shortcut = Layers.convolution(numChannels, 1, stride, true);
            modules.put("downsample.0", shortcut);
        } else {
            shortcut = Layers.identity();
        }
        block = addChildBlock("residualBlock", new Branches(branch, shortcut, gate));
    }

    /**
     * Creates a residual block with the same stride over height and width.
     *
     * @param numChannels the number of output channels, at least 1
     * @param use1x1Conv whether the shortcut is a 1×1 convolution rather than the identity
     * @param stride the stride of the first convolution and of the shortcut
     * @throws IllegalArgumentException as {@link #Residual(int, boolean, Shape)}
     */
    public Residual(int numChannels, boolean use1x1Conv, int stride) {
        this(numChannels, use1x1Conv, new Shape(stride, stride));
    }

    private static void requireValid(int numChannels, boolean use1x1Conv, Shape stride) {
        if (numChannels < 1) {
            throw new IllegalArgumentException(
                    "numChannels must be at least 1. Received: " + numChannels + ".");
        }
        if (stride.dimension() != 2 || stride.get(0) < 1 || stride.get(1) < 1) {
            throw new IllegalArgumentException(
                    "stride must be (height, width), each at least 1. Received: " + stride + ".");
        }
        if (!use1x1Conv && stride.size() != 1) {
            throw new IllegalArgumentException(
                    "An identity shortcut needs a stride of (1, 1). Received: "
                            + stride
                            + ". Use that stride, or use1x1Conv=true.");
        }
    }

    private void add(String childName, String moduleName, Block part) {
        branch.append(childName, part);
        modules.put(moduleName, part);
    }

    private static final class Branches extends ResidualSum {

        Branches(Block branch, Block shortcut, BranchGate gate) {
            super(branch, shortcut, gate);
        }

        @Override
        protected NDList forwardInternal(
                ParameterStore parameterStore,
                NDList inputs,
                boolean training,
                PairList<String, Object> params) {
            NDList sum = super.forwardInternal(parameterStore, inputs, training, params);
            return new NDList(sum.singletonOrThrow().getNDArrayInternal().relu());
        }

        @Override
        public Value describe(GraphBuilder graph, Value input) {
            return graph.relu(super.describe(graph, input));
        }
    }

    @Override
    public BranchGate gate() {
        return gate;
    }

    /** Returns whether the shortcut is the identity. */
    @Override
    public boolean keepsShape() {
        return !projects;
    }

    @Override
    public Block branch() {
        return branch;
    }

    @Override
    public Map<String, Block> modules() {
        return modules;
    }

    @Override
    protected NDList forwardInternal(
            ParameterStore parameterStore,
            NDList inputs,
            boolean training,
            PairList<String, Object> params) {
        requireInput(inputs.singletonOrThrow().getShape());
        return block.forward(parameterStore, inputs, training, params);
    }

    @Override
    protected void initializeChildBlocks(
            NDManager manager, DataType dataType, Shape... inputShapes) {
        requireInput(inputShapes[0]);
        block.initialize(manager, dataType, inputShapes);
    }

    @Override
    public Shape[] getOutputShapes(Shape[] inputShapes) {
        requireInput(inputShapes[0]);
        return branch.getOutputShapes(inputShapes);
    }

    @Override
    public Value describe(GraphBuilder graph, Value input) {
        return graph.apply(block, input);
    }

    private void requireInput(Shape input) {
        if (input.dimension() != 4) {
            throw new IllegalArgumentException(
                    "The input of Residual must have shape (N, C, H, W). Received: " + input + ".");
        }
        long channels = input.get(1);
        if (!projects && channels != numChannels) {
            throw new IllegalArgumentException(
                    String.format(
                            Locale.ROOT,
                            "The input of Residual(%d) with an identity shortcut must have %d"
                                    + " channels. Received: %d, shape %s. Project others with"
                                    + " use1x1Conv=true.",
                            numChannels,
                            numChannels,
                            channels,
                            input));
        }
        if (inputShapes != null && inputShapes[0].get(1) != channels) {
            throw new IllegalArgumentException(
                    String.format(
                            Locale.ROOT,
                            "This Residual(%d) was initialized for %d input channels. Received:"
                                    + " %d, shape %s.",
                            numChannels,
                            inputShapes[0].get(1),
                            channels,
                            input));
        }
    }
}
