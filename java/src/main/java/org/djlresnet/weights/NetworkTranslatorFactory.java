package org.djlresnet.weights;

import ai.djl.Model;
import ai.djl.modality.Classifications;
import ai.djl.modality.cv.Image;
import ai.djl.modality.cv.translator.BaseImageTranslatorFactory;
import ai.djl.translate.Translator;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import java.io.Serializable;
import java.util.Map;
import org.djlresnet.UserException;
import org.djlresnet.image.Preprocessing;

/**
 * Makes the translator of a folder that {@link DjlFolder} wrote: images are prepared as in
 * training, whatever their kind.
 *
 * <p>The folder's {@code serving.properties} name this class as {@code translatorFactory}, and have
 * the preprocessing as JSON by {@value #PREPROCESSING}. DJL Serving reads that; {@code Criteria} do
 * with {@code optTranslatorFactory(new DeferredTranslatorFactory())}.
 */
public final class NetworkTranslatorFactory extends BaseImageTranslatorFactory<Classifications>
        implements Serializable {

    /** The argument that has the JSON text of {@link Preprocessing#toJson}. */
    public static final String PREPROCESSING = "preprocessing";

    private static final long serialVersionUID = 1L;

    /** Creates a factory, as DJL does by the class's name. */
    public NetworkTranslatorFactory() {}

    /**
     * Makes a translator.
     *
     * @throws UserException if the preprocessing is missing or bad
     */
    @Override
    protected Translator<Image, Classifications> buildBaseTranslator(
            Model model, Map<String, ?> arguments) {
        return new NetworkTranslator(preprocessing(arguments));
    }

    static Preprocessing preprocessing(Map<String, ?> arguments) {
        Object text = arguments.get(PREPROCESSING);
        try {
            return Preprocessing.of(JsonParser.parseString(String.valueOf(text)).getAsJsonObject());
        } catch (JsonParseException | IllegalStateException malformed) {
            throw new UserException(
                    "The argument " + PREPROCESSING + " must be a JSON object. Received: " + text,
                    malformed);
        }
    }

    @Override
    public Class<Classifications> getBaseOutputType() {
        return Classifications.class;
    }
}
