package org.djlresnet;

import ai.djl.engine.Engine;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import java.util.Random;
import org.djlresnet.data.ImageDataset;
import org.djlresnet.image.PixelType;
import org.djlresnet.model.Specification;
import org.djlresnet.recipe.Recipe;

/** Small images that a network learns in a few steps: the class is the bright quadrant. */
public final class QuadrantImages {

    /** The class names. */
    public static final List<String> CLASSES =
            List.of("top left", "top right", "bottom left", "bottom right");

    private static final int SIZE = 8;

    private QuadrantImages() {}

    /**
     * Creates images of noise with one quadrant brighter by half.
     *
     * @param count the number of images; their classes take turns
     * @param seed the seed of the noise
     * @return uint8, (count, 1, 8, 8)
     */
    public static ImageDataset of(int count, long seed) {
        Random random = new Random(seed);
        ByteBuffer pixels = ByteBuffer.allocateDirect(count * SIZE * SIZE);
        int[] labels = new int[count];
        for (int i = 0; i < count; i++) {
            labels[i] = i % CLASSES.size();
            for (int y = 0; y < SIZE; y++) {
                for (int x = 0; x < SIZE; x++) {
                    int quadrant = 2 * (y / (SIZE / 2)) + x / (SIZE / 2);
                    int bright = quadrant == labels[i] ? 128 : 0;
                    pixels.put((byte) (bright + random.nextInt(128)));
                }
            }
        }
        return ImageDataset.of(
                pixels.flip(), PixelType.UINT8, new long[] {count, 1, SIZE, SIZE}, labels, CLASSES);
    }

    /**
     * Specifies a recipe's network for these images.
     *
     * @param recipe the recipe
     * @return the specification, with 1 channel and the four classes
     */
    public static Specification specification(Recipe recipe) {
        return Specification.forTraining(recipe.model(), of(1, 0), recipe.imageSize(), null);
    }

    /**
     * Creates a recipe for the running engine, on the CPU.
     *
     * @param singleQuoted a JSON object with ' instead of "
     * @return the recipe
     */
    public static Recipe recipe(String singleQuoted) {
        return Recipe.fromJson(recipeJson(singleQuoted));
    }

    /**
     * Creates a recipe's JSON for the running engine, on the CPU.
     *
     * @param singleQuoted a JSON object with ' instead of "
     * @return a JSON object
     */
    public static String recipeJson(String singleQuoted) {
        JsonObject json = JsonParser.parseString(singleQuoted.replace('\'', '"')).getAsJsonObject();
        json.addProperty("engine", onPyTorch() ? "pytorch" : "mxnet");
        json.addProperty("device", "cpu");
        return json.toString();
    }

    /**
     * Returns whether the engine is PyTorch.
     *
     * @return whether it is PyTorch rather than MXNet
     */
    public static boolean onPyTorch() {
        return Engine.getInstance().getEngineName().equals("PyTorch");
    }

    /**
     * Copies images from a data set, scaled as in a batch.
     *
     * @param dataset uint8
     * @return a direct buffer of float32 in native order
     */
    public static ByteBuffer floats(ImageDataset dataset) {
        ByteBuffer bytes = dataset.pixels();
        ByteBuffer floats =
                ByteBuffer.allocateDirect(4 * bytes.remaining()).order(ByteOrder.nativeOrder());
        while (bytes.hasRemaining()) {
            floats.putFloat((bytes.get() & 0xff) / 255f);
        }
        return floats.flip();
    }
}
