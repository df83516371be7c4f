package org.djlresnet.model;

import java.util.List;
import org.djlresnet.UserException;
import org.djlresnet.data.Examples;
import org.djlresnet.image.ImageShape;
import org.djlresnet.image.Preprocessing;

/**
 * Specifies a network, except for its parameters.
 *
 * @param model its name in {@link Models}, with options
 * @param channels the number of input channels, 1 or more
 * @param output its output for an image
 * @param preprocessing how an image becomes its input; null if unknown
 */
public record Specification(
        String model, int channels, Output output, Preprocessing preprocessing) {

    /** Larger images of one size are photographs, which networks see at their usual size. */
    private static final int MOST_OWN = 256;

    /**
     * Creates a specification.
     *
     * @throws UserException if the name is unknown, a number is out of range, or the preprocessing
     *     has another number of channels
     */
    public Specification {
        Models.get(model);
        if (channels < 1 || output.size() < 1) {
            throw new UserException(
                    "A network needs at least 1 input channel and 1 class. Received: in_channels="
                            + channels
                            + ", classes="
                            + output.size()
                            + ".");
        }
        if (preprocessing != null && preprocessing.channels() != channels) {
            throw new UserException(
                    "The network and its preprocessing must have the same number of channels. Received: "
                            + channels
                            + " and "
                            + preprocessing.channels()
                            + ".");
        }
    }

    /**
     * Specifies a network to train. It uses the preprocessing that the images were stored for, if
     * any; else that of its initial weights, if they record one; otherwise images keep their
     * channels and size. A given size replaces resizing and crop, but not channels and
     * normalization.
     *
     * @param model its name in {@link Models}, with options
     * @param train the training data, which determine the classes
     * @param imageSize the height and width to resize images to, or null
     * @param ofWeights the preprocessing of the initial weights; null if these are fresh or do not
     *     record it
     * @return the specification, with a preprocessing
     * @throws UserException if the name is unknown, or the images differ in size and neither a size
     *     nor a preprocessing is given
     */
    public static Specification forTraining(
            String model, Examples train, Integer imageSize, Preprocessing ofWeights) {
        if (train.preprocessing() != null) {
            return of(model, train, train.preprocessing());
        }
        Preprocessing preprocessing = ofWeights == null ? ownShape(train, imageSize) : ofWeights;
        if (imageSize != null) {
            preprocessing = preprocessing.withImageSize(imageSize);
        }
        return of(model, train, preprocessing);
    }

    private static Specification of(String model, Examples train, Preprocessing preprocessing) {
        ImageShape image = preprocessing.output(train.shape());
        Output output = Models.get(model).outputFor(train.classNames(), image);
        return new Specification(model, preprocessing.channels(), output, preprocessing);
    }

    /**
     * Chooses the preprocessing of files of images, before they are decoded. The size is the given
     * one, else that of the weights' preprocessing, which then stays as it is; else, if all images
     * have one size of at most {@value #MOST_OWN} pixels, their own; else the network's usual one.
     * Square images of one size are resized as a whole, others get {@link Preprocessing#centred}.
     * All resizing is in bytes, so that images can be stored after it.
     *
     * @param model the network's name in {@link Models}, with options
     * @param shape the shape of all images; null if they differ in size
     * @param channels the channels of the initial weights; without them, 1 if all images are grey,
     *     else 3. Those of the weights' preprocessing take precedence
     * @param imageSize the height and width to resize images to, or null
     * @param ofWeights the preprocessing of the initial weights; null if these are fresh or do not
     *     record it
     * @return the preprocessing
     * @throws UserException if the name is unknown
     */
    public static Preprocessing forFiles(
            String model,
            ImageShape shape,
            int channels,
            Integer imageSize,
            Preprocessing ofWeights) {
        if (ofWeights != null && imageSize == null) {
            return ofWeights.rounded();
        }
        boolean own =
                imageSize == null
                        && shape != null
                        && Math.max(shape.height(), shape.width()) <= MOST_OWN;
        Preprocessing found;
        if (own) {
            found =
                    Preprocessing.exact(new ImageShape(channels, shape.height(), shape.width()))
                            .rounded();
        } else {
            int size = imageSize == null ? Models.get(model).input().height() : imageSize;
            int used = ofWeights == null ? channels : ofWeights.channels();
            found =
                    shape != null && shape.height() == shape.width()
                            ? Preprocessing.exact(new ImageShape(used, size, size)).rounded()
                            : Preprocessing.centred(used, size);
        }
        return ofWeights == null
                ? found
                : new Preprocessing(
                        found.channels(),
                        found.resize(),
                        found.crop(),
                        ofWeights.mean(),
                        ofWeights.deviation());
    }

    private static Preprocessing ownShape(Examples train, Integer imageSize) {
        if (train.shape() != null) {
            return Preprocessing.exact(train.shape());
        }
        if (imageSize == null) {
            throw new UserException(
                    "The images differ in size, and a batch needs one size. Set \"image_size\".");
        }
        return Preprocessing.exact(new ImageShape(3, imageSize, imageSize));
    }

    /**
     * Returns the names of the classes.
     *
     * @return a name for each logit; for an autoencoder, the classes that it is conditional on
     */
    public List<String> classNames() {
        return output.classNames();
    }

    /**
     * Returns the output of an autoencoder.
     *
     * @return the output; null for a classifier
     */
    public Autoencoding autoencoding() {
        return output instanceof Autoencoding images ? images : null;
    }

    /**
     * Requires a classifier.
     *
     * @throws UserException if the network is an autoencoder
     */
    public void requireClassifier() {
        if (output instanceof Autoencoding) {
            throw UserException.of(
                    "%s is an autoencoder, which has no classes to predict. Use the vae commands, or in"
                            + " Java evaluation.AutoencoderInference.",
                    model);
        }
    }

    /**
     * Returns how an image becomes the network's input.
     *
     * @return the preprocessing
     * @throws UserException if it is unknown
     */
    public Preprocessing requirePreprocessing() {
        if (preprocessing == null) {
            throw new UserException(
                    "The network does not record how its images are prepared. Set the preprocessing."
                            + " Allowed: torchvision, plain:N such as plain:32, or a JSON object.");
        }
        return preprocessing;
    }

    /**
     * Returns a given preprocessing, or the network's own.
     *
     * @param text a preset's name or JSON, see {@link Preprocessing#of(String, int)}; null for the
     *     network's own
     * @return the preprocessing, with this network's channels
     * @throws UserException if the text is invalid, or is null and the network's own is unknown
     */
    public Preprocessing preprocessing(String text) {
        return text == null ? requirePreprocessing() : Preprocessing.of(text, channels);
    }

    /**
     * Normalizes by the mean and the deviation of each channel.
     *
     * @param train the images that determine them, to 4 digits
     * @return the specification
     */
    public Specification normalizedBy(Examples train) {
        return withPreprocessing(SampledImages.normalize(train, requirePreprocessing()));
    }

    /**
     * Replaces the output.
     *
     * @param other the output
     * @return the specification
     */
    public Specification withOutput(Output other) {
        return new Specification(model, channels, other, preprocessing);
    }

    /**
     * Replaces the preprocessing.
     *
     * @param other the preprocessing, or null if it is unknown
     * @return the specification
     * @throws UserException if it has another number of channels
     */
    public Specification withPreprocessing(Preprocessing other) {
        return new Specification(model, channels, output, other);
    }
}
