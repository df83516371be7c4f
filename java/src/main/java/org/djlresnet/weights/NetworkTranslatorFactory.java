package org.djlresnet.weights;

import ai.djl.Model;
import ai.djl.modality.Classifications;
import ai.djl.modality.cv.Image;
import ai.djl.modality.cv.translator.BaseImageTranslatorFactory;
import ai.djl.translate.Translator;
import java.io.Serializable;
import java.util.Map;
import org.djlresnet.UserException;

/**
 * Creates the translator from images to class probabilities of a model whose block {@link
 * NetworkFactory} or {@link DjlFolder#model} created. It prepares images of all kinds as in
 * training.
 *
 * <p>{@code serving.properties} of a folder that {@link DjlFolder} wrote name this class as {@code
 * translatorFactory}. DJL Serving reads it there, and so do {@code Criteria} with {@code
 * optTranslatorFactory(new DeferredTranslatorFactory())}.
 */
public final class NetworkTranslatorFactory extends BaseImageTranslatorFactory<Classifications>
        implements Serializable {

    private static final long serialVersionUID = 1L;

    /** Creates a factory; DJL calls this by reflection. */
    public NetworkTranslatorFactory() {}

    /**
     * Creates a translator.
     *
     * @throws UserException if the model's block is not one of ours
     */
    @Override
    protected Translator<Image, Classifications> buildBaseTranslator(
            Model model, Map<String, ?> arguments) {
        if (model.getBlock() instanceof RawImageBlock block) {
            return new NetworkTranslator(block.preprocessing(), block.classNames());
        }
        throw new UserException(
                "The model's block records no preprocessing. Received: a block of "
                        + model.getBlock().getClass().getSimpleName()
                        + ". Create it with "
                        + NetworkFactory.class.getSimpleName()
                        + " or DjlFolder.model.");
    }

    @Override
    public Class<Classifications> getBaseOutputType() {
        return Classifications.class;
    }
}
