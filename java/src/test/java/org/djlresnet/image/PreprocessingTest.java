package org.djlresnet.image;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.util.List;
import java.util.stream.Stream;
import org.djlresnet.UserException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

class PreprocessingTest {

    private static JsonObject json(String singleQuoted) {
        return JsonParser.parseString(singleQuoted.replace('\'', '"')).getAsJsonObject();
    }

    @Test
    void resizeDefaultsToBilinearOnBytes() {
        String resize = "{\"channels\": 3, \"resize\": {\"to\": \"short-side\", \"size\": 256}}";
        assertEquals(Preprocessing.torchvision().resize(), Preprocessing.of(resize, 3).resize());
    }

    @Test
    void torchvisionPresetEqualsItsWeights() {
        assertEquals(
                json(
                        "{'channels': 3, 'resize': {'to': 'short-side', 'size': 256,"
                                + " 'interpolation': 'bilinear', 'rounded': true}, 'crop':"
                                + " {'height': 224, 'width': 224}, 'mean': [0.485, 0.456, 0.406],"
                                + " 'deviation': [0.229, 0.224, 0.225]}"),
                JsonParser.parseString(Preprocessing.of("torchvision").toJson()));
        assertEquals(
                json(
                        "{'channels': 1, 'resize': {'to': 'exact', 'height': 32, 'width': 32,"
                                + " 'interpolation': 'bilinear', 'rounded': false}, 'crop': null,"
                                + " 'mean': null, 'deviation': null}"),
                JsonParser.parseString(Preprocessing.of("plain:32", 1).toJson()));
    }

    static Stream<Preprocessing> all() {
        return Stream.of(
                Preprocessing.torchvision(),
                Preprocessing.exact(new ImageShape(1, 28, 31)),
                Preprocessing.torchvision().withChannels(1),
                Preprocessing.torchvision().withImageSize(64),
                new Preprocessing(2, null, null, null, null),
                new Preprocessing(
                        2,
                        Resize.exact(3, 4, Interpolation.BICUBIC, true),
                        new Preprocessing.Crop(5, 6),
                        null,
                        List.of(1e-3, 1.0 / 3)));
    }

    @ParameterizedTest
    @MethodSource("all")
    void survivesJsonRoundTrip(Preprocessing preprocessing) {
        assertEquals(preprocessing, Preprocessing.of(preprocessing.toJson()));
        String text = preprocessing.toJson();
        assertEquals(preprocessing, Preprocessing.of(text, preprocessing.channels()));
    }

    @Test
    void onlyChannelsAreRequired() {
        assertEquals(
                new Preprocessing(3, null, null, null, null),
                Preprocessing.of("{\"channels\": 3}"));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "{} | A preprocessing lacks 'channels'. Allowed: 1 or more.",
                "{'channels': 1.5} | The preprocessing has a wrong type for 'channels'. Received: {'channels': 1.5}."
                        + " Allowed: torchvision, plain:N such as plain:32, or a JSON object.",
                "{'channels': null} | A preprocessing lacks 'channels'. Allowed: 1 or more.",
                "{'channels': 1, 'size': 3} | Unknown key 'size' in a preprocessing. Allowed:"
                        + " channels, resize, crop, mean, deviation.",
                "{'channels': 1, 'crop': 224} | The preprocessing has a wrong type for 'crop'."
                        + " Received: {'channels': 1, 'crop': 224}."
                        + " Allowed: torchvision, plain:N such as plain:32, or a JSON object.",
                "{'channels': 1, 'crop': {'height': 2}} | A preprocessing lacks 'crop.width'."
                        + " Allowed: 1 or more.",
                "{'channels': 1, 'resize': {'to': 'long-side'}} | Invalid value for 'resize.to' in a"
                        + " preprocessing. Received: long-side. Allowed: 'exact' or 'short-side'.",
                "{'channels': 1, 'resize': {'to': 'exact', 'size': 3, 'height': 3, 'width': 3}} |"
                        + " Unknown key 'resize.size' in a preprocessing. Allowed: to, height, width,"
                        + " interpolation, rounded.",
                "{'channels': 1, 'resize': {'to': 'short-side', 'size': 3, 'interpolation':"
                        + " 'nearest'}} | Unknown interpolation. Received: 'nearest'. Allowed: bilinear,"
                        + " bicubic.",
                "{'channels': 3, 'mean': [0.5]} | Invalid value for 'mean' in a preprocessing."
                        + " Received: [0.5]. Allowed: a number for each channel (3), or null.",
                "{'channels': 1, 'mean': [null]} | Invalid value for 'mean' in a preprocessing."
                        + " Received: [null]. Allowed: a number for each channel (1), or null.",
                "{'channels': 1, 'deviation': [1e-60]} | Invalid value for 'deviation' in a"
                        + " preprocessing. Received: [1.0E-60]. Allowed: a number above 0 for each"
                        + " channel (1), or null.",
                "torchvision | The preprocessing outputs images with 3 channels, but the network needs"
                        + " 1. Received: torchvision.",
                "plain:0 | Unknown preprocessing. Received: 'plain:0'. Allowed: torchvision, plain:N"
                        + " such as plain:32, or a JSON object.",
                "{'channels' | The preprocessing is not JSON."
                        + " Received: {'channels'."
                        + " Allowed: torchvision, plain:N such as plain:32, or a JSON object.",
            })
    void rejectsInvalidTexts(String text, String message) {
        UserException error =
                assertThrows(
                        UserException.class, () -> Preprocessing.of(text.replace('\'', '"'), 1));
        assertEquals(message, error.getMessage().replace('"', '\''));
    }

    @Test
    void outputShapesEqualTorchvisions() {
        Preprocessing cropless =
                new Preprocessing(
                        3, Resize.shortSide(256, Interpolation.BILINEAR, true), null, null, null);
        assertEquals(new ImageShape(3, 256, 384), cropless.output(new ImageShape(3, 333, 500)));
        assertEquals(new ImageShape(3, 384, 256), cropless.output(new ImageShape(1, 500, 333)));
        assertEquals(new ImageShape(3, 224, 224), Preprocessing.torchvision().output(null));
        assertThrows(UserException.class, () -> cropless.output(null));
    }

    @Test
    void imageSizeKeepsNormalization() {
        Preprocessing torchvision = Preprocessing.torchvision();
        Preprocessing small = torchvision.withImageSize(32);
        assertEquals(
                new Preprocessing(
                        3,
                        Resize.exact(32, 32, Interpolation.BILINEAR, false),
                        null,
                        torchvision.mean(),
                        torchvision.deviation()),
                small);
        assertEquals(32, small.imageSize());
        assertEquals(224, torchvision.imageSize());
        assertNull(Preprocessing.exact(new ImageShape(1, 28, 31)).imageSize());
        assertNull(new Preprocessing(1, null, null, null, null).imageSize());
    }
}
