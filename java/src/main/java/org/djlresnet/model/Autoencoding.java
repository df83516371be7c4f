package org.djlresnet.model;

import java.util.List;
import org.djlresnet.UserException;
import org.djlresnet.image.ImageShape;

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

    @Override
    public int size() {
        return image.channels() * image.height() * image.width();
    }
}
