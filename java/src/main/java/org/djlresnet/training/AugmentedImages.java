package org.djlresnet.training;

import java.nio.ByteBuffer;
import java.nio.FloatBuffer;
import org.djlresnet.UserException;
import org.djlresnet.augment.Augmentations;
import org.djlresnet.data.Augmenter;
import org.djlresnet.data.Batch;
import org.djlresnet.data.BatchLoader;
import org.djlresnet.data.Examples;
import org.djlresnet.image.ImageShape;
import org.djlresnet.image.PixelType;
import org.djlresnet.image.Preprocessing;
import org.djlresnet.model.Specification;
import org.djlresnet.recipe.Recipe;

/**
 * Images as training sees them: resized, cropped, augmented and mixed, but not normalized.
 *
 * @param shape (N, C, H, W)
 * @param pixels uint8, in a direct buffer
 */
public record AugmentedImages(long[] shape, ByteBuffer pixels) {

    /**
     * Augments some examples as one batch.
     *
     * @param recipe the recipe with augment, image_size, model and seed
     * @param examples the training data, uint8
     * @param epoch the number of completed epochs, 0 or more
     * @param indices the indices of the examples, in order, one or more
     * @return the images
     * @throws UserException if the images do not suit the recipe or are not uint8
     */
    public static AugmentedImages of(Recipe recipe, Examples examples, int epoch, int[] indices) {
        if (examples.type() != PixelType.UINT8) {
            throw UserException.of(
                    "Only images of bytes can be shown. Received: %s images. Allowed: uint8.",
                    examples.type());
        }
        Preprocessing whole =
                Specification.forTraining(recipe.model(), examples, recipe.imageSize(), null)
                        .preprocessing();
        Preprocessing shaping =
                new Preprocessing(whole.channels(), whole.resize(), whole.crop(), null, null);
        ImageShape shape = shaping.output(examples.shape());
        Augmentations augmentations = recipe.augment();
        augmentations.requireFit(shape, examples.type());
        Augmenter augmenter = augmentations.augmenter(recipe.seed(), shaping, shape);
        try (BatchLoader loader = new BatchLoader(examples, shaping, indices.length, augmenter)) {
            loader.restart(indices, epoch);
            try (Batch batch = loader.next()) {
                FloatBuffer floats = batch.images().asFloatBuffer();
                ByteBuffer bytes = ByteBuffer.allocateDirect(floats.remaining());
                while (floats.hasRemaining()) {
                    bytes.put((byte) Math.round(floats.get() * 255));
                }
                return new AugmentedImages(batch.shape(), bytes.flip());
            }
        }
    }
}
