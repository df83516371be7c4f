package org.djlresnet.block;

import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.AbstractBlock;
import ai.djl.nn.Block;
import ai.djl.nn.ParallelBlock;
import ai.djl.nn.core.Linear;
import ai.djl.training.ParameterStore;
import ai.djl.util.PairList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.djlresnet.graph.DescribedNetwork;
import org.djlresnet.graph.GraphBuilder;
import org.djlresnet.graph.Value;

/**
 * The encoder of a variational autoencoder: the distribution of an image's latent variables.
 *
 * <p>Inputs: images (N, C, H, W) and, if it is conditional, their classes, int32, (N). Outputs: the
 * mean and the logarithm of the variance, each (N, latent).
 */
public final class LatentEncoder extends AbstractBlock implements DescribedNetwork, NamedModules {

    private static final byte VERSION = 1;

    private final NamedChain trunk;
    private final ClassInput classInput;
    private final Linear mean;
    private final Linear logVariance;
    private final ParallelBlock heads;

    /**
     * Creates an encoder.
     *
     * @param trunk from images to features, (N, F)
     * @param classes the number of classes that it is conditional on; 0 for none
     * @param latent the number of latent variables
     */
    // warning of javac 21 and later: DJL adds children through an instance method
    @SuppressWarnings("this-escape")
    public LatentEncoder(NamedChain trunk, int classes, int latent) {
        super(VERSION);
        this.trunk = addChildBlock("trunk", trunk);
        classInput = classes == 0 ? null : addChildBlock("class", new ClassInput(classes));
        mean = Layers.linear(latent);
        logVariance = Layers.linear(latent);
        heads =
                new ParallelBlock(
                        outputs ->
                                new NDList(
                                        outputs.get(0).singletonOrThrow(),
                                        outputs.get(1).singletonOrThrow()));
        heads.add(mean);
        heads.add(logVariance);
        addChildBlock("heads", heads);
    }

    @Override
    public Map<String, Block> modules() {
        Map<String, Block> modules = new LinkedHashMap<>(trunk.modules());
        modules.put("mean", mean);
        modules.put("log_variance", logVariance);
        return modules;
    }

    @Override
    protected NDList forwardInternal(
            ParameterStore parameterStore,
            NDList inputs,
            boolean training,
            PairList<String, Object> params) {
        NDList features =
                trunk.forward(parameterStore, new NDList(inputs.get(0)), training, params);
        if (classInput != null) {
            features.add(inputs.get(1));
            features = classInput.forward(parameterStore, features, training, params);
        }
        return heads.forward(parameterStore, features, training, params);
    }

    @Override
    protected void initializeChildBlocks(
            NDManager manager, DataType dataType, Shape... inputShapes) {
        Chain.initializeInOrder(children.values(), manager, dataType, inputShapes[0]);
    }

    @Override
    public Shape[] getOutputShapes(Shape[] inputShapes) {
        Shape latents =
                mean.getOutputShapes(trunk.getOutputShapes(new Shape[] {inputShapes[0]}))[0];
        return new Shape[] {latents, latents};
    }

    @Override
    public List<Value> inputs() {
        return classInput == null ? List.of(IMAGES) : List.of(IMAGES, LABELS);
    }

    @Override
    public List<Value> describe(GraphBuilder graph, List<Value> inputs) {
        Value features = graph.apply(trunk, inputs.get(0));
        if (classInput != null) {
            features = graph.withClasses(features, inputs.get(1), classInput.classes());
        }
        return List.of(graph.apply(mean, features), graph.apply(logVariance, features));
    }
}
