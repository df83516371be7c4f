package org.djlresnet.recipe;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.djlresnet.UserException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class RecipeReaderTest {

    private static String refusal(String singleQuoted) {
        return assertThrows(
                        UserException.class,
                        () -> Recipe.fromJson(singleQuoted.replace('\'', '"')),
                        singleQuoted)
                .getMessage();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "   ",
                "{",
                "{'epochs'",
                "{'epochs': }",
                "{'epochs': 3",
                "{'epochs': 3,}",
                "{'epochs': 03}",
                "{'epochs': NaN}",
                "{epochs: 3}",
                "{'epochs': 3} // ten",
                "{'lr': [1, 2}",
                "lr=3"
            })
    void whatIsNoJsonIsRefusedInOneLine(String text) {
        String message = refusal(text);
        assertTrue(message.startsWith("The recipe is not JSON: "), message);
        assertFalse(message.contains("\n"), message);
        // Gson's advice is for who writes Java
        assertFalse(message.contains("JsonReader"), message);
        assertFalse(message.contains("http"), message);
        assertTrue(message.contains("line 1 column "), message);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '~',
            value = {
                "[]|a list",
                "[{}]|a list",
                "3|a number",
                "'x'|a text",
                "null|null",
                "true|true or false"
            })
    void whatIsNoObjectIsRefused(String text, String received) {
        assertEquals("A recipe is a JSON object. Received: " + received + ".", refusal(text));
    }

    @Test
    void textAfterTheObjectIsRefused() {
        assertEquals(
                "The recipe is not JSON: it goes wrong at line 1 column 16.",
                refusal("{'epochs': 3} {}"));
    }

    @Test
    void deeplyNestedJunkIsRefused() {
        String deep = "[".repeat(100_000) + "]".repeat(100_000);
        assertTrue(refusal("{'lr': " + deep + "}").length() < 500);
        assertTrue(refusal("{'versions': " + deep + "}").length() < 500);
        assertTrue(refusal("{'lr': '" + "x".repeat(100_000) + "'}").length() < 500);
    }
}
