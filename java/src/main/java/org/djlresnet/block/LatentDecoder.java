package org.djlresnet.block;

import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.AbstractBlock;
import ai.djl.nn.Block;
import ai.djl.training.ParameterStore;
import ai.djl.util.PairList;
import java.util.List;
import java.util.Map;
import org.djlresnet.graph.DescribedNetwork;
import org.djlresnet.graph.GraphBuilder;
import org.djlresnet.graph.Value;

/**
 * The decoder of a variational autoencoder.
 *
 * <p>Inputs: latent variables (N, latent) and, if it is conditional, classes, int32, (N). Output:
 * images (N, C, H, W) before the sigmoid.
 */
public final class LatentDecoder extends AbstractBlock implements DescribedNetwork, NamedModules {

    private static final byte VERSION = 1;

    private final ClassInput classInput;
    private final NamedChain trunk;

    /**
     * Creates a decoder.
     *
     * @param trunk from latent variables and classes, (N, latent + classes), to images
     * @param classes the number of classes that it is conditional on; 0 for none
     */
    // warning of javac 21 and later: DJL adds children through an instance method
    @SuppressWarnings("this-escape")
    public LatentDecoder(NamedChain trunk, int classes) {
        super(VERSION);
        classInput = classes == 0 ? null : addChildBlock("class", new ClassInput(classes));
        this.trunk = addChildBlock("trunk", trunk);
    }

    @Override
    public Map<String, Block> modules() {
        return trunk.modules();
    }

    @Override
    protected NDList forwardInternal(
            ParameterStore parameterStore,
            NDList inputs,
            boolean training,
            PairList<String, Object> params) {
        NDList values =
                classInput == null
                        ? inputs
                        : classInput.forward(parameterStore, inputs, training, params);
        return trunk.forward(parameterStore, values, training, params);
    }

    @Override
    protected void initializeChildBlocks(
            NDManager manager, DataType dataType, Shape... inputShapes) {
        Chain.initializeInOrder(children.values(), manager, dataType, inputShapes[0]);
    }

    @Override
    public Shape[] getOutputShapes(Shape[] inputShapes) {
        Shape[] shapes = {inputShapes[0]};
        for (Block child : children.values()) {
            shapes = child.getOutputShapes(shapes);
        }
        return shapes;
    }

    @Override
    public List<Value> inputs() {
        return classInput == null ? List.of(LATENTS) : List.of(LATENTS, LABELS);
    }

    @Override
    public List<Value> describe(GraphBuilder graph, List<Value> inputs) {
        Value values =
                classInput == null
                        ? inputs.get(0)
                        : graph.withClasses(inputs.get(0), inputs.get(1), classInput.classes());
        return List.of(graph.apply(trunk, values));
    }
}
