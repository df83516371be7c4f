package org.djlresnet.block;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.AbstractBlock;
import ai.djl.nn.Parameter;
import ai.djl.nn.convolutional.Conv2d;
import ai.djl.training.ParameterStore;
import ai.djl.util.PairList;
import java.util.function.IntFunction;
import org.djlresnet.graph.Described;
import org.djlresnet.graph.GraphBuilder;
import org.djlresnet.graph.Value;
import org.djlresnet.graph.Window;

/**
 * A 2×2 convolution without padding whose weight is not trained: it whitens the patches of the
 * training images, which {@link #weights} computes. Its bias is trained.
 *
 * <p>Half of the output channels are the eigenvectors of the patches' covariance, divided by the
 * roots of their eigenvalues; the other half are their negatives.
 *
 * <p>Shapes: (N, C, H, W) → (N, 8·C, H − 1, W − 1). The weight is (8·C, C, 2, 2), the bias (8·C).
 *
 * <p>Source: K. Jordan, "94% on CIFAR-10 in 3.29 Seconds on a Single GPU", 2024, section 3.2; after
 * D. Page, "How to Train Your ResNet 8: Bag of Tricks", 2019.
 */
public final class Whitening extends AbstractBlock implements Described {

    private static final byte VERSION = 1;

    /** The height and width of a patch. */
    private static final int SIZE = 2;

    /** Output channels for each input channel. */
    private static final int EXPANSION = 2 * SIZE * SIZE;

    /** Added to the eigenvalues. */
    private static final double EPSILON = 5e-4;

    private static final Shape ONE = new Shape(1, 1);
    private static final Shape ZERO = new Shape(0, 0);

    private final Parameter weight;
    private final Parameter bias;

    /** Creates a layer whose number of channels is inferred from its first input. */
    public Whitening() {
        super(VERSION);
        weight =
                addParameter(
                        Parameter.builder()
                                .setName("weight")
                                .setType(Parameter.Type.WEIGHT)
                                .optRequiresGrad(false)
                                .build());
        bias =
                addParameter(
                        Parameter.builder().setName("bias").setType(Parameter.Type.BIAS).build());
    }

    /**
     * Returns the number of parameters.
     *
     * @param inChannels the number of input channels
     * @return the weight's size
     */
    public static long weights(long inChannels) {
        return EXPANSION * inChannels * inChannels * SIZE * SIZE;
    }

    /**
     * Computes the weight that whitens the patches of images. The same images give the same weight.
     *
     * @param count the number of images, at least 1
     * @param images gives the normalized pixels (C, H, W) of an image, from 0 to count − 1, until
     *     its next call
     * @param channels C
     * @param height H, at least 2
     * @param width W, at least 2
     * @return the values of the weight (8·C, C, 2, 2) in row-major order
     */
    public static float[] weights(
            int count, IntFunction<float[]> images, int channels, int height, int width) {
        double[][] covariance = covariance(count, images, channels, height, width);
        int n = covariance.length;
        double[][] vectors = SymmetricEigen.decompose(covariance);
        float[] weights = new float[2 * n * n];
        for (int i = 0; i < n; i++) {
            // the decomposition leaves the eigenvalues on the diagonal
            double scale = 1 / Math.sqrt(Math.max(0, covariance[i][i]) + EPSILON);
            for (int j = 0; j < n; j++) {
                float value = (float) (scale * vectors[j][i]);
                weights[i * n + j] = value;
                weights[(n + i) * n + j] = -value;
            }
        }
        return weights;
    }

    /** The mean of the products of two values of a patch, over all patches. */
    private static double[][] covariance(
            int count, IntFunction<float[]> images, int channels, int height, int width) {
        int n = channels * SIZE * SIZE;
        double[][] sums = new double[n][n];
        double[] patch = new double[n];
        for (int image = 0; image < count; image++) {
            float[] pixels = images.apply(image);
            for (int y = 0; y + 1 < height; y++) {
                for (int x = 0; x + 1 < width; x++) {
                    for (int i = 0; i < n; i++) {
                        int row = i / (SIZE * SIZE) * height + y + i / SIZE % SIZE;
                        patch[i] = pixels[row * width + x + i % SIZE];
                    }
                    for (int i = 0; i < n; i++) {
                        double value = patch[i];
                        double[] into = sums[i];
                        for (int j = 0; j <= i; j++) {
                            into[j] += value * patch[j];
                        }
                    }
                }
            }
        }
        double patches = (double) count * (height - 1) * (width - 1);
        for (int i = 0; i < n; i++) {
            for (int j = 0; j <= i; j++) {
                sums[i][j] /= patches;
                sums[j][i] = sums[i][j];
            }
        }
        return sums;
    }

    @Override
    protected NDList forwardInternal(
            ParameterStore parameterStore,
            NDList inputs,
            boolean training,
            PairList<String, Object> params) {
        NDArray input = inputs.singletonOrThrow();
        Device device = input.getDevice();
        NDArray w = parameterStore.getValue(weight, device, training);
        NDArray b = parameterStore.getValue(bias, device, training);
        return Conv2d.conv2d(input, w, b, ONE, ZERO, ONE, 1);
    }

    @Override
    protected void prepare(Shape[] inputShapes) {
        long channels = inputShapes[0].get(1);
        weight.setShape(new Shape(EXPANSION * channels, channels, SIZE, SIZE));
        bias.setShape(new Shape(EXPANSION * channels));
    }

    @Override
    public Shape[] getOutputShapes(Shape[] inputShapes) {
        Shape in = inputShapes[0];
        return new Shape[] {
            new Shape(in.get(0), EXPANSION * in.get(1), in.get(2) - SIZE + 1, in.get(3) - SIZE + 1)
        };
    }

    @Override
    public Value describe(GraphBuilder graph, Value input) {
        return graph.convolution(input, this, Window.square(SIZE, 1, 0), 1);
    }
}
