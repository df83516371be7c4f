package org.djlresnet.weights;

import ai.djl.MalformedModelException;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.AbstractBlock;
import ai.djl.nn.Block;
import ai.djl.training.ParameterStore;
import ai.djl.util.PairList;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.util.List;
import org.djlresnet.image.ImageShape;
import org.djlresnet.image.Preprocessing;
import org.djlresnet.image.Preprocessor;
import org.djlresnet.image.RawImage;

/**
 * A network with its preprocessing and class names.
 *
 * <p>It prepares uint8 images (N, H, W, 3), the form in which DJL's own translator passes them;
 * {@code Criteria} without a translator use that translator even if {@code serving.properties}
 * names another. Other inputs are already prepared: float32 (N, C, H, W).
 */
final class RawImageBlock extends AbstractBlock {

    private static final int CHANNELS = 3;

    private final Block network;
    private final Preprocessing preprocessing;
    private final List<String> classNames;

    RawImageBlock(Block network, Preprocessing preprocessing, List<String> classNames) {
        this.network = addChildBlock("network", network);
        this.preprocessing = preprocessing;
        this.classNames = classNames;
    }

    Preprocessing preprocessing() {
        return preprocessing;
    }

    List<String> classNames() {
        return classNames;
    }

    @Override
    protected NDList forwardInternal(
            ParameterStore parameterStore,
            NDList inputs,
            boolean training,
            PairList<String, Object> arguments) {
        NDArray images = inputs.singletonOrThrow();
        boolean raw = images.getDataType() == DataType.UINT8;
        return network.forward(
                parameterStore, raw ? new NDList(prepared(images)) : inputs, training, arguments);
    }

    private NDArray prepared(NDArray images) {
        Shape shape = images.getShape();
        int count = (int) shape.get(0);
        ImageShape in = new ImageShape(CHANNELS, (int) shape.get(1), (int) shape.get(2));
        Preprocessor preprocessor = new Preprocessor(preprocessing);
        ImageShape out = preprocessor.output(in);
        int length = Math.toIntExact(out.values());
        float[] values = new float[Math.multiplyExact(count, length)];
        byte[] channelsLast = images.toByteArray();
        RawImage raw = new RawImage();
        for (int n = 0; n < count; n++) {
            hold(raw, in, channelsLast, n * Math.toIntExact(in.values()));
            preprocessor.apply(raw, values, n * length);
        }
        return images.getManager().create(values, new Shape(out.batch(count)));
    }

    /**
     * Transposes a uint8 image (H, W, 3) to (3, H, W).
     *
     * @param raw receives the image
     * @param shape its shape
     * @param channelsLast the bytes
     * @param from the index of the first one
     */
    static void hold(RawImage raw, ImageShape shape, byte[] channelsLast, int from) {
        byte[] pixels = raw.holdBytes(shape);
        int plane = shape.height() * shape.width();
        for (int i = 0; i < plane; i++) {
            for (int c = 0; c < CHANNELS; c++) {
                pixels[c * plane + i] = channelsLast[from + CHANNELS * i + c];
            }
        }
    }

    @Override
    public Shape[] getOutputShapes(Shape[] inputShapes) {
        return network.getOutputShapes(inputShapes);
    }

    /** Writes the network alone, like its own block. */
    @Override
    public void saveParameters(DataOutputStream out) throws IOException {
        network.saveParameters(out);
    }

    @Override
    public void loadParameters(NDManager manager, DataInputStream in)
            throws IOException, MalformedModelException {
        network.loadParameters(manager, in);
    }
}
