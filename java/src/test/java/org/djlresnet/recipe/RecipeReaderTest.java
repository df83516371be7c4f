package org.djlresnet.recipe;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.djlresnet.UserException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class RecipeReaderTest {

    private static String rejection(String singleQuoted) {
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
                "lr=3",
                "[{}]",
                "3",
                "null"
            })
    void rejectsInvalidJsonInOneLine(String text) {
        String message = rejection(text);
        assertTrue(message.startsWith("The recipe is not a valid JSON object: "), message);
        assertFalse(message.contains("\n"), message);
        // Gson's advice is for programmers
        assertFalse(message.contains("JsonReader"), message);
        assertFalse(message.contains("http"), message);
    }

    @Test
    void namesThePlaceOrTheRepeatedKey() {
        assertEquals(
                "The recipe is not a valid JSON object: at line 1 column 16.",
                rejection("{'epochs': 3} {}"));
        assertEquals(
                "The recipe is not a valid JSON object: duplicate key: lr. Keep one.",
                rejection("{'lr': 0.1, 'epochs': 1, 'lr': 2}"));
    }

    @Test
    void rejectsDeeplyNestedJson() {
        String deep = "[".repeat(100_000) + "]".repeat(100_000);
        assertTrue(rejection("{'lr': " + deep + "}").length() < 500);
        assertTrue(rejection("{'versions': " + deep + "}").length() < 500);
        assertTrue(rejection("{'lr': '" + "x".repeat(100_000) + "'}").length() < 500);
    }
}
