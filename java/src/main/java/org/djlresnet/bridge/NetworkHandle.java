package org.djlresnet.bridge;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Block;
import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.djlresnet.AtomicFile;
import org.djlresnet.UserException;
import org.djlresnet.augment.TestViews;
import org.djlresnet.block.Autoencoder;
import org.djlresnet.checkpoint.Checkpoint;
import org.djlresnet.data.Examples;
import org.djlresnet.engine.Precision;
import org.djlresnet.evaluation.Evaluator;
import org.djlresnet.evaluation.InputGradients;
import org.djlresnet.evaluation.NormStatistics;
import org.djlresnet.image.ImageShape;
import org.djlresnet.image.PixelType;
import org.djlresnet.image.Preprocessing;
import org.djlresnet.model.Inference;
import org.djlresnet.model.Network;
import org.djlresnet.model.ResidualBlocks;
import org.djlresnet.model.StageBlocks;
import org.djlresnet.model.TensorBytes;
import org.djlresnet.weights.DjlFolder;
import org.djlresnet.weights.StateFile;

/** A network for Python. One thread at a time may use it. */
public final class NetworkHandle implements AutoCloseable {

    private static final Gson GSON = new GsonBuilder().serializeNulls().create();

    private final Network network;
    private final String info;

    /** The network prepared for evaluation; null until it is needed. */
    private Inference inference;

    private Precision precision;

    /** The network prepared to encode and decode; null until it is needed. */
    private LatentCoding coding;

    private boolean shared;

    /**
     * Wraps a network.
     *
     * @param network the network, which the handle now owns
     * @param info its description, as {@link Checkpoint#describe()}
     */
    NetworkHandle(Network network, String info) {
        this.network = network;
        this.info = info;
    }

    /**
     * Wraps a network without a run.
     *
     * @param network the network, which the handle now owns
     */
    NetworkHandle(Network network) {
        this(network, Checkpoint.describe(network.specification()));
    }

    /**
     * Returns the network for code that does not change its parameters.
     *
     * @return the network
     */
    Network network() {
        return network;
    }

    /**
     * Returns the network for code that may change its parameters at any time. From then on, the
     * handle caches nothing.
     *
     * @return the network
     */
    public Network share() {
        shared = true;
        forget();
        return network;
    }

    private NDArray logits(NDArray images, Precision wanted) {
        if (shared) {
            forget();
        }
        if (inference == null || precision != wanted) {
            forget();
            inference = new Inference(network, wanted, true);
            precision = wanted;
        }
        return inference.forward(images);
    }

    private LatentCoding coding() {
        if (shared) {
            forget();
        }
        if (coding == null) {
            coding = new LatentCoding(network);
        }
        return coding;
    }

    private void forget() {
        if (coding != null) {
            coding.close();
            coding = null;
        }
        if (inference != null) {
            inference.close();
            inference = null;
        }
    }

    /**
     * Describes the network.
     *
     * @return a JSON object with the keys model, in_channels, classes, class_names, image_size,
     *     preprocessing (null if unknown), and for a trained network those of its run
     */
    public String info() {
        return info;
    }

    /**
     * Computes logits in evaluation mode.
     *
     * @param input a direct buffer of float32 in native order, not copied on a CPU
     * @param shape its shape, (N, C, H, W)
     * @param precision the precision of convolutions and activations: float32, bfloat16 or auto
     * @return logits, float32, (N, classes), in a direct buffer in native order
     * @throws UserException if the shape does not fit the network, or the network cannot run in the
     *     precision
     */
    public ByteBuffer forward(ByteBuffer input, long[] shape, String precision) {
        return forward(input, shape, network.precision(precision), TestViews.NONE);
    }

    ByteBuffer forward(ByteBuffer input, long[] shape, Precision wanted, TestViews views) {
        Evaluator.disableGradients(network);
        try (NDManager manager = network.manager().newSubManager()) {
            NDArray array = array(input, shape, manager);
            NDArray logits = views.logits(images -> logits(images, wanted), array);
            return TensorBytes.copy(TensorBytes.of(logits, manager));
        }
    }

    /**
     * Prepares images and computes their logits. Images with the same prepared shape share a batch.
     *
     * @param images a direct buffer with the pixels (C, H, W) of each image
     * @param shapes the images' shapes (C, H, W)
     * @param type "uint8", or "float32" in native order
     * @param preprocessing a preset's name or JSON; null for the network's own
     * @param views views for test-time augmentation, such as "flip,shift"; null for none
     * @param precision the precision of convolutions and activations: float32, bfloat16 or auto
     * @return logits, float32, (N, classes), in a direct buffer in native order
     * @throws UserException if an image cannot be prepared, the network's preprocessing is unknown
     *     and none is given, a view is unknown, or the network cannot run in the precision
     */
    public ByteBuffer predict(
            ByteBuffer[] images,
            long[][] shapes,
            String type,
            String preprocessing,
            String views,
            String precision) {
        Preprocessing chosen = network.specification().preprocessing(preprocessing);
        PixelType pixels = PixelType.of(type);
        TestViews augmented = TestViews.of(views);
        return new Prediction(this, chosen, pixels, augmented, network.precision(precision))
                .logits(images, shapes);
    }

    /**
     * Encodes images by an autoencoder.
     *
     * @param images a direct buffer with the pixels (N, C, H, W), in native order
     * @param type "uint8", which are prepared as in training, or "float32", which are not
     * @param count the number of images
     * @param height their height
     * @param width their width
     * @param labels the class of each image; null unless the network is conditional
     * @param means receives the means, float32, (N, L), a direct buffer
     * @param logVariances receives the logarithms of the variances, likewise
     * @throws UserException if the network is a classifier, or the images or labels do not fit it
     */
    public void encode(
            ByteBuffer images,
            String type,
            int count,
            int height,
            int width,
            int[] labels,
            ByteBuffer means,
            ByteBuffer logVariances) {
        ImageShape shape = new ImageShape(network.inChannels(), height, width);
        coding().encode(images, PixelType.of(type), shape, count, labels, means, logVariances);
    }

    /**
     * Decodes latent variables by an autoencoder.
     *
     * @param latents a direct buffer of float32, (N, L), in native order
     * @param count their number N
     * @param labels the class of each image; null unless the network is conditional
     * @param images receives the images, float32 from 0 to 1, (N, C, H, W), a direct buffer
     * @throws UserException if the network is a classifier, or the labels do not fit it
     */
    public void decode(ByteBuffer latents, int count, int[] labels, ByteBuffer images) {
        coding().decode(latents, count, labels, images);
    }

    /**
     * Returns a preprocessing for the network's channels.
     *
     * @param text a preset's name or JSON; null for the network's own
     * @return the JSON text of {@link Preprocessing#toJson}
     * @throws UserException if the text is invalid, or null and the network's own is unknown
     */
    public String preprocessing(String text) {
        return network.specification().preprocessing(text).toJson();
    }

    /**
     * Summarizes the network.
     *
     * @param inputShape (N, C, H, W)
     * @param depth the number of levels to list; 1 for the network's own children
     * @return the JSON text of {@link Bridge#summary}
     */
    public String summary(long[] inputShape, int depth) {
        Shape input = Descriptions.inputShape(inputShape, network.inChannels());
        return Descriptions.summary(network.model(), network.block(), input, depth);
    }

    /**
     * Lists the residual blocks.
     *
     * @return a JSON array of names such as {@code layer3.2}, in the order of the forward pass
     */
    public String residualBlocks() {
        return GSON.toJson(ResidualBlocks.of(network.block()).keySet());
    }

    /**
     * Lists the blocks of the stages, residual or plain.
     *
     * @return {@code [{"block", "keeps_shape", "group"}]} in their own order; blocks of a group can
     *     change places
     */
    public String stageBlocks() {
        List<Map<String, Object>> blocks = new ArrayList<>();
        for (StageBlocks.Place place : StageBlocks.of(network.block())) {
            blocks.add(
                    Map.of(
                            "block",
                            place.name(),
                            "keeps_shape",
                            place.block().keepsShape(),
                            "group",
                            place.group()));
        }
        return GSON.toJson(blocks);
    }

    /**
     * Computes only some blocks of the stages, or in another order, until the next call.
     *
     * @param names the names in the order of the forward pass
     * @throws UserException as {@link StageBlocks#arrange}
     */
    public void arrange(String[] names) {
        forget();
        StageBlocks.arrange(network.model(), network.block(), List.of(names));
    }

    /**
     * Prepares an example as the network's input.
     *
     * @param examples the data set
     * @param index the example
     * @return the prepared image
     * @throws UserException if it cannot be read or prepared
     */
    public ExampleImage image(Examples examples, int index) {
        Preprocessing own = network.specification().requirePreprocessing();
        return new ExampleImage(examples, index, own);
    }

    /**
     * Sets the running statistics of batch normalization to those of a batch.
     *
     * @param input a direct buffer of float32 in native order
     * @param shape its shape, (N, C, H, W)
     * @throws UserException if the shape does not fit the network
     */
    public void calibrate(ByteBuffer input, long[] shape) {
        forget();
        try (NDManager manager = network.manager().newSubManager()) {
            Evaluator.disableGradients(network);
            NormStatistics.compute(
                    network, forward -> forward.accept(new NDList(array(input, shape, manager))));
        }
    }

    /**
     * Differentiates a logit by the input, see {@link InputGradients}.
     *
     * @param input a direct buffer of float32 in native order
     * @param shape its shape, (N, C, H, W)
     * @param logit the number of the logit
     * @return the gradients, float32, of the input's shape, in a direct buffer in native order
     * @throws UserException if the shape does not fit the network, or it has no such logit
     */
    public ByteBuffer inputGradients(ByteBuffer input, long[] shape, int logit) {
        try (NDManager manager = network.manager().newSubManager()) {
            Evaluator.disableGradients(network);
            NDArray gradients = InputGradients.of(network, array(input, shape, manager), logit);
            return TensorBytes.copy(TensorBytes.of(gradients, manager));
        }
    }

    private NDArray array(ByteBuffer input, long[] shape, NDManager manager) {
        // DJL reads a direct buffer from its start, regardless of its position
        ByteBuffer remaining = input.slice().order(ByteOrder.nativeOrder());
        Shape wanted = Descriptions.inputShape(shape, network.inChannels());
        return manager.create(remaining, wanted, DataType.FLOAT32);
    }

    /**
     * Writes the network as a checkpoint without a run.
     *
     * @param file the file
     * @throws UserException if the file cannot be written
     */
    public void save(String file) {
        try {
            Checkpoint.save(Path.of(file), network, null, Map.of());
        } catch (IOException failure) {
            throw unwritable(file, failure.getMessage(), failure);
        }
    }

    /**
     * Lists the tensors.
     *
     * @return {@code {"tensors": [{"name", "shape"}], "batches_tracked": {name: count}}}
     */
    public String tensors() {
        return WeightsJson.tensors(network);
    }

    /**
     * Copies a tensor.
     *
     * @param name its name in {@link #tensors}
     * @return float32 in a direct buffer in native order
     */
    public ByteBuffer tensor(String name) {
        return WeightsJson.tensor(network, name);
    }

    /**
     * Replaces the values of all tensors, or of none if there is an error.
     *
     * @param description a JSON array of {@code {"name", "dtype", "shape"}}, with the types of a
     *     safetensors file; missing batch counts become 0
     * @param values the elements of each tensor, in direct buffers in native order
     * @return a JSON array with the names of tensors that contain NaN or infinite values
     * @throws UserException if tensors are missing, unexpected or have another shape; the message
     *     lists them
     */
    public String loadStateDict(String description, ByteBuffer[] values) {
        forget();
        return WeightsJson.load(network, description, values);
    }

    /**
     * Describes what the network computes.
     *
     * @return {@code {"inputs", "outputs", "nodes": [{"op", "inputs", "output", "attributes"}]}},
     *     see {@link org.djlresnet.graph.Graph}; the inputs of nodes include tensors
     */
    public String graph() {
        return GraphJson.of(network.graph());
    }

    /**
     * Describes what a part of an autoencoder computes.
     *
     * @param part encoder, or decoder, whose output is before the sigmoid
     * @return as {@link #graph()}
     * @throws UserException if the network is a classifier
     */
    public String graph(String part) {
        Autoencoder block = network.autoencoder();
        Block chosen = part.equals("encoder") ? block.encoder() : block.decoder();
        return GraphJson.of(network.graph(chosen));
    }

    /**
     * Writes the weights under torchvision's names.
     *
     * @param file the safetensors file
     * @throws UserException if the file cannot be written
     */
    public void exportSafetensors(String file) {
        try {
            StateFile.write(Path.of(file), network);
        } catch (IOException failure) {
            throw unwritable(file, failure.getMessage(), failure);
        }
    }

    /**
     * Writes a model folder for DJL's Criteria.
     *
     * @param folder the folder, which must be missing or empty
     * @param preprocessing a preset's name or JSON; null for the network's own
     * @throws UserException if the network cannot be written in this format, its preprocessing is
     *     unknown and none is given, or the folder cannot be written
     */
    public void exportDjl(String folder, String preprocessing) {
        try {
            DjlFolder.write(
                    Path.of(folder), network, network.specification().preprocessing(preprocessing));
        } catch (IOException failure) {
            String reason = AtomicFile.reason(failure);
            throw unwritable(folder, folder + " cannot be written: " + reason + ".", failure);
        }
    }

    /** Returns an error of usage, unless the path may be written, so that the disk is at fault. */
    private static RuntimeException unwritable(String path, String message, IOException failure) {
        Path target = Path.of(path).toAbsolutePath();
        return Files.isWritable(target.getParent()) && !Files.isDirectory(target)
                ? new UncheckedIOException(message, failure)
                : new UserException(message, failure);
    }

    /** Frees the network's memory. */
    @Override
    public void close() {
        forget();
        network.close();
    }
}
