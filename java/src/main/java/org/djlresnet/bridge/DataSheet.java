package org.djlresnet.bridge;

import com.google.gson.Gson;
import java.nio.ByteBuffer;
import java.nio.FloatBuffer;
import java.util.Map;
import org.djlresnet.UserException;
import org.djlresnet.data.Augmenter;
import org.djlresnet.data.Batch;
import org.djlresnet.data.BatchLoader;
import org.djlresnet.data.Examples;
import org.djlresnet.data.Statistics;
import org.djlresnet.image.ImageShape;
import org.djlresnet.image.Preprocessing;
import org.djlresnet.image.Preprocessor;
import org.djlresnet.image.RawImage;
import org.djlresnet.model.TensorBytes;
import org.djlresnet.recipe.Recipe;
import org.djlresnet.training.TrainingRun;

/** Describes and shows the examples of a data set. */
public final class DataSheet {

    private static final Gson GSON = new Gson();

    private final Examples examples;

    DataSheet(Examples examples) {
        this.examples = examples;
    }

    /**
     * Describes the examples.
     *
     * @return {@code {"classes": [names], "counts": [examples of each class], "shape": [C, H, W] or
     *     empty if they differ, "mean", "deviation": [a number for each channel]}}; pixels of bytes
     *     are scaled to [0, 1]
     */
    public String describe() {
        ImageShape shape = examples.shape();
        Statistics statistics = Statistics.of(examples);
        return GSON.toJson(
                Map.of(
                        "classes", examples.classNames(),
                        "counts", statistics.counts(),
                        "shape",
                                shape == null
                                        ? new int[0]
                                        : new int[] {
                                            shape.channels(), shape.height(), shape.width()
                                        },
                        "mean", statistics.mean(),
                        "deviation", statistics.deviation()));
    }

    /**
     * Returns the label of each example.
     *
     * @return the labels
     */
    public int[] labels() {
        int[] labels = new int[examples.size()];
        for (int i = 0; i < labels.length; i++) {
            labels[i] = examples.label(i);
        }
        return labels;
    }

    /**
     * Returns the preprocessing of a network that a recipe trains on these examples.
     *
     * @param recipe the recipe as JSON
     * @return the JSON text of {@link Preprocessing#toJson}
     */
    public String preprocessing(String recipe) {
        return TrainingRun.preprocessing(Recipe.fromJson(recipe), examples).toJson();
    }

    /**
     * Returns the shape of prepared examples.
     *
     * @param preprocessing the preprocessing as JSON
     * @return C, H and W
     */
    public int[] inputShape(String preprocessing) {
        ImageShape shape = Preprocessing.of(preprocessing).output(examples.shape());
        return new int[] {shape.channels(), shape.height(), shape.width()};
    }

    /**
     * Returns the inputs that a recipe's network gets from examples in an epoch of training, where
     * they form one batch.
     *
     * @param recipe the recipe as JSON
     * @param indices the examples
     * @param epoch the number of completed epochs
     * @return float32 (N, C, H, W) in a direct buffer in native order: augmented, mixed and
     *     normalized
     * @throws UserException if the images do not suit the recipe
     */
    public ByteBuffer inputs(String recipe, int[] indices, int epoch) {
        Recipe checked = Recipe.fromJson(recipe);
        Preprocessing steps = TrainingRun.preprocessing(checked, examples);
        ImageShape shape = steps.output(examples.shape());
        checked.augment().requireFit(shape, examples.type());
        Augmenter augmenter = checked.augment().augmenter(checked.seed(), steps, shape);
        try (BatchLoader loader = new BatchLoader(examples, steps, indices.length, augmenter)) {
            loader.restart(indices, epoch);
            try (Batch batch = loader.next()) {
                FloatBuffer images = batch.images().asFloatBuffer();
                ByteBuffer copy = TensorBytes.allocate(images.remaining());
                copy.asFloatBuffer().put(images);
                return copy;
            }
        }
    }

    /**
     * Prepares examples.
     *
     * @param preprocessing a preprocessing as JSON, which gives all examples one shape
     * @param indices the examples
     * @return float32 (N, C, H, W) in a direct buffer in native order
     */
    public ByteBuffer prepared(String preprocessing, int[] indices) {
        Preprocessing steps = Preprocessing.of(preprocessing);
        int values = (int) steps.output(examples.shape()).values();
        ByteBuffer prepared = TensorBytes.allocate(Math.multiplyExact(indices.length, values));
        Preprocessor preprocessor = new Preprocessor(steps);
        RawImage raw = new RawImage();
        float[] pixels = new float[values];
        for (int i = 0; i < indices.length; i++) {
            examples.read(indices[i], raw);
            preprocessor.apply(raw, pixels, 0);
            prepared.asFloatBuffer().put(i * values, pixels);
        }
        return prepared;
    }
}
