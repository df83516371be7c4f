package org.djlresnet.model;

import java.util.List;
import org.djlresnet.UserException;
import org.djlresnet.data.Examples;
import org.djlresnet.image.ImageShape;
import org.djlresnet.image.PixelType;
import org.djlresnet.image.Preprocessing;
import org.djlresnet.image.RawImage;

/**
 * The output of a variational autoencoder: a distribution of its images.
 *
 * @param image the shape of its images
 * @param latent the number of latent variables
 * @param likelihood the distribution of an image given its latent variables
 * @param published whether latent variables are sampled with the standard deviation exp(log
 *     variance), as in a published design, instead of exp(log variance / 2)
 * @param classNames the names of the classes that it is conditional on; empty for none
 */
public record Autoencoding(
        ImageShape image,
        int latent,
        Likelihood likelihood,
        boolean published,
        List<String> classNames)
        implements Output {

    /** What float32 arithmetic may add to a value of 0 or 1. */
    private static final double ROUNDING = 1e-6;

    /** The most latent variables. */
    public static final int MOST_LATENT = 4096;

    /**
     * Copies the names.
     *
     * @throws UserException if the number of latent variables is out of range
     */
    public Autoencoding {
        classNames = List.copyOf(classNames);
        if (latent < 1 || latent > MOST_LATENT) {
            throw UserException.of(
                    "The number of latent variables is out of range. Received: %s. Allowed: 1 to"
                            + " %s.",
                    latent, MOST_LATENT);
        }
    }

    /**
     * Specifies the usual autoencoder: a Gaussian with the deviation that fits best.
     *
     * @param image the shape of its images
     * @param latent the number of latent variables
     * @return the output
     */
    public static Autoencoding usual(ImageShape image, int latent) {
        return new Autoencoding(image, latent, Likelihood.OPTIMAL_GAUSSIAN, false, List.of());
    }

    /**
     * Returns whether it is conditional on the class.
     *
     * @return whether it is
     */
    public boolean conditional() {
        return !classNames.isEmpty();
    }

    /**
     * Returns the exponent of samples' standard deviation, exp(exponent · log variance).
     *
     * @return 0.5, or 1 if published
     */
    public double exponent() {
        return published ? 1 : 0.5;
    }

    /**
     * Requires images of bytes, or of values in [0, 1].
     *
     * @param examples the images
     * @throws UserException if a value is outside
     */
    public static void requireUnit(Examples examples) {
        if (examples.type() == PixelType.UINT8) {
            return;
        }
        RawImage raw = new RawImage();
        for (int image = 0; image < examples.size(); image++) {
            examples.read(image, raw);
            for (int i = 0; i < raw.shape().values(); i++) {
                if (Math.abs(raw.value(i) - 0.5) > 0.5 + ROUNDING) {
                    throw UserException.of(
                            "An autoencoder needs values from 0 to 1. Received: %s in image %s. Pass"
                                    + " 0 to 255 as uint8, or scale the images.",
                            raw.value(i), image);
                }
            }
        }
    }

    /**
     * Returns whether prepared images have the values of bytes.
     *
     * @param examples the images
     * @param preprocessing how they are prepared
     * @return whether they are bytes that are not resized to values in between
     */
    public static boolean areBytes(Examples examples, Preprocessing preprocessing) {
        ImageShape shape = examples.shape();
        ImageShape prepared = preprocessing.output(shape);
        boolean resized =
                preprocessing.resize() != null
                        && !preprocessing.resize().rounded()
                        && (prepared.height() != shape.height()
                                || prepared.width() != shape.width());
        return examples.type() == PixelType.UINT8 && !resized;
    }

    @Override
    public int size() {
        return image.channels() * image.height() * image.width();
    }
}
