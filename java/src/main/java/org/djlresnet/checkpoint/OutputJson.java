package org.djlresnet.checkpoint;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import java.util.List;
import java.util.stream.Stream;
import org.djlresnet.image.ImageShape;
import org.djlresnet.model.Autoencoding;
import org.djlresnet.model.Classes;
import org.djlresnet.model.Likelihood;
import org.djlresnet.model.Output;

/**
 * The output of an autoencoder as JSON: image ([C, H, W]), latent_dim, likelihood, published and
 * conditional.
 */
final class OutputJson {

    private OutputJson() {}

    /**
     * Reads an output.
     *
     * @param autoencoder the object; null for a classifier
     * @param classNames the names of the classes, or of those that it is conditional on
     */
    static Output read(JsonElement autoencoder, List<String> classNames) {
        if (autoencoder == null || autoencoder.isJsonNull()) {
            return new Classes(classNames);
        }
        JsonObject json = autoencoder.getAsJsonObject();
        JsonArray image = json.getAsJsonArray("image");
        String name = json.get("likelihood").getAsString();
        return new Autoencoding(
                new ImageShape(
                        image.get(0).getAsInt(), image.get(1).getAsInt(), image.get(2).getAsInt()),
                json.get("latent_dim").getAsInt(),
                Stream.of(Likelihood.values())
                        .filter(likelihood -> likelihood.text().equals(name))
                        .findFirst()
                        .orElseThrow(),
                json.get("published").getAsBoolean(),
                classNames);
    }

    /** Describes an output. */
    static JsonObject write(Autoencoding output) {
        JsonArray image = new JsonArray();
        image.add(output.image().channels());
        image.add(output.image().height());
        image.add(output.image().width());
        JsonObject json = new JsonObject();
        json.add("image", image);
        json.addProperty("latent_dim", output.latent());
        json.addProperty("likelihood", output.likelihood().text());
        json.addProperty("published", output.published());
        json.addProperty("conditional", output.conditional());
        return json;
    }
}
