package org.djlresnet.image;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.awt.image.BufferedImage;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import javax.imageio.ImageIO;

/** The PNG files made by tests/golden/decoded_images.py, and the pixels that Pillow decodes. */
public final class GoldenImages {

    /**
     * A PNG file.
     *
     * @param name the kind of image
     * @param png its bytes
     * @param shape the shape of its image
     * @param pixels bytes (C, H, W)
     */
    public record Golden(String name, byte[] png, ImageShape shape, byte[] pixels) {

        /**
         * Reads the file as DJL does.
         *
         * @return the image
         */
        public BufferedImage read() {
            try {
                return ImageIO.read(new ByteArrayInputStream(png));
            } catch (IOException impossible) {
                throw new AssertionError(impossible);
            }
        }

        /**
         * Returns Pillow's pixels.
         *
         * @return the image
         */
        public RawImage raw() {
            RawImage raw = new RawImage();
            System.arraycopy(pixels, 0, raw.holdBytes(shape), 0, pixels.length);
            return raw;
        }

        @Override
        public String toString() {
            return name;
        }
    }

    private GoldenImages() {}

    /**
     * Returns the files.
     *
     * @return all of them
     */
    public static Stream<Golden> all() {
        InputStreamReader file =
                new InputStreamReader(
                        GoldenImages.class.getResourceAsStream("/golden/images.json"),
                        StandardCharsets.UTF_8);
        JsonArray images = JsonParser.parseReader(file).getAsJsonObject().getAsJsonArray("images");
        return StreamSupport.stream(images.spliterator(), false)
                .map(JsonElement::getAsJsonObject)
                .map(
                        image -> {
                            JsonArray chw = image.getAsJsonArray("shape");
                            return new Golden(
                                    image.get("name").getAsString(),
                                    bytes(image, "png"),
                                    new ImageShape(
                                            chw.get(0).getAsInt(),
                                            chw.get(1).getAsInt(),
                                            chw.get(2).getAsInt()),
                                    bytes(image, "pixels"));
                        });
    }

    private static byte[] bytes(JsonObject image, String key) {
        return Base64.getDecoder().decode(image.get(key).getAsString());
    }
}
