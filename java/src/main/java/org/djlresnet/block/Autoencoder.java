package org.djlresnet.block;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.AbstractBlock;
import ai.djl.nn.Block;
import ai.djl.training.ParameterStore;
import ai.djl.util.PairList;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.djlresnet.graph.DescribedNetwork;
import org.djlresnet.graph.GraphBuilder;
import org.djlresnet.graph.Value;

/**
 * A variational autoencoder.
 *
 * <p>Inputs: images (N, C, H, W), standard normal noise (N, L) and, if it is conditional, the
 * classes, int32, (N). It draws latent variables z = mean + exp(exponent · log variance) · noise.
 * Outputs: the images decoded from z, before the sigmoid, (N, C, H, W); mean and log variance, each
 * (N, L); and, if the images' distribution has one, the logarithm of its scale, (1).
 *
 * <p>Source: Kingma and Welling, "Auto-Encoding Variational Bayes", 2014.
 */
public final class Autoencoder extends AbstractBlock implements DescribedNetwork, NamedModules {

    private static final byte VERSION = 1;

    private final LatentEncoder encoder;
    private final LatentDecoder decoder;
    private final LogScale scale;
    private final double exponent;

    /**
     * Creates an autoencoder.
     *
     * @param encoder the encoder
     * @param decoder the decoder
     * @param scale the scale of the images' distribution; null if it has none
     * @param exponent 0.5, which makes exp(log variance) the variance of z
     */
    // warning of javac 21 and later: DJL adds children through an instance method
    @SuppressWarnings("this-escape")
    public Autoencoder(
            LatentEncoder encoder, LatentDecoder decoder, LogScale scale, double exponent) {
        super(VERSION);
        this.encoder = addChildBlock("encoder", encoder);
        this.decoder = addChildBlock("decoder", decoder);
        this.scale = scale == null ? null : addChildBlock("likelihood", scale);
        this.exponent = exponent;
    }

    /**
     * Returns the encoder.
     *
     * @return the encoder
     */
    public LatentEncoder encoder() {
        return encoder;
    }

    /**
     * Returns the decoder.
     *
     * @return the decoder
     */
    public LatentDecoder decoder() {
        return decoder;
    }

    @Override
    public Map<String, Block> modules() {
        Map<String, Block> modules = new LinkedHashMap<>();
        modules.put("encoder", encoder);
        modules.put("decoder", decoder);
        if (scale != null) {
            modules.put("likelihood", scale);
        }
        return modules;
    }

    private boolean conditional() {
        return encoder.inputs().size() > 1;
    }

    @Override
    protected NDList forwardInternal(
            ParameterStore parameterStore,
            NDList inputs,
            boolean training,
            PairList<String, Object> params) {
        NDList images = new NDList(inputs.get(0));
        NDList latents = new NDList();
        if (conditional()) {
            images.add(inputs.get(2));
        }
        NDList encoded = encoder.forward(parameterStore, images, training, params);
        NDArray mean = encoded.get(0);
        NDArray logVariance = encoded.get(1);
        // on the batch's manager, so that it lives until the backward pass
        NDArray factor = mean.getManager().create(exponent).toType(mean.getDataType(), false);
        NDArray deviation = logVariance.mul(factor).exp();
        latents.add(mean.add(deviation.mul(inputs.get(1))));
        if (conditional()) {
            latents.add(inputs.get(2));
        }
        NDList outputs = new NDList(decoder.forward(parameterStore, latents, training, params));
        outputs.add(mean);
        outputs.add(logVariance);
        if (scale != null) {
            outputs.addAll(scale.forward(parameterStore, inputs, training, params));
        }
        return outputs;
    }

    @Override
    protected void initializeChildBlocks(
            NDManager manager, DataType dataType, Shape... inputShapes) {
        Shape[] images = {inputShapes[0]};
        encoder.initialize(manager, dataType, images);
        Shape latents = encoder.getOutputShapes(images)[0];
        decoder.initialize(manager, dataType, latents);
        if (scale != null) {
            scale.initialize(manager, dataType, latents);
        }
    }

    @Override
    public Shape[] getOutputShapes(Shape[] inputShapes) {
        Shape[] latents = encoder.getOutputShapes(new Shape[] {inputShapes[0]});
        Shape decoded = decoder.getOutputShapes(latents)[0];
        return new Shape[] {decoded, latents[0], latents[1]};
    }

    @Override
    public List<Value> inputs() {
        return conditional() ? List.of(IMAGES, NOISE, LABELS) : List.of(IMAGES, NOISE);
    }

    @Override
    public List<Value> describe(GraphBuilder graph, List<Value> inputs) {
        boolean conditional = conditional();
        List<Value> images =
                conditional ? List.of(inputs.get(0), inputs.get(2)) : List.of(inputs.get(0));
        List<Value> encoded = encoder.describe(graph, images);
        Value sample = graph.sample(encoded.get(0), encoded.get(1), inputs.get(1), exponent);
        List<Value> latents = conditional ? List.of(sample, inputs.get(2)) : List.of(sample);
        List<Value> outputs = new ArrayList<>(decoder.describe(graph, latents));
        outputs.addAll(encoded);
        if (scale != null) {
            outputs.add(graph.parameter(scale, "log_scale"));
        }
        return outputs;
    }
}
