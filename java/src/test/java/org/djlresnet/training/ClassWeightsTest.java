package org.djlresnet.training;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.nio.ByteBuffer;
import java.util.List;
import org.djlresnet.data.Examples;
import org.djlresnet.data.ImageDataset;
import org.djlresnet.image.PixelType;
import org.djlresnet.recipe.Recipe;
import org.djlresnet.recipe.SettingException;
import org.junit.jupiter.api.Test;

class ClassWeightsTest {

    /** Of classes 0 to 3 there are 4, 1, 0 and 3 examples. */
    private static final Examples EXAMPLES =
            ImageDataset.of(
                    ByteBuffer.allocateDirect(8),
                    PixelType.UINT8,
                    new long[] {8, 1, 1, 1},
                    new int[] {0, 0, 3, 0, 1, 3, 0, 3},
                    List.of("a", "b", "c", "d"));

    private static List<Double> weights(String json) {
        Recipe recipe = Recipe.fromJson("{\"class_weights\": " + json + "}");
        return ClassWeights.of(recipe, EXAMPLES, 4);
    }

    @Test
    void balancedClassesContributeEqually() {
        // 8 examples of 3 classes
        assertEquals(List.of(8 / 12.0, 8 / 3.0, 0.0, 8 / 9.0), weights("\"balanced\""));
    }

    @Test
    void givenWeightsAreUsedUnchanged() {
        assertEquals(List.of(1.0, 0.0, 2.5, 3.0), weights("[1, 0, 2.5, 3]"));
        assertNull(weights("null"));
    }

    @Test
    void rejectsAnotherNumberOfWeights() {
        assertEquals(
                "\"class_weights\" must have a number for each class. Received: 2 numbers."
                        + " Allowed: 4.",
                assertThrows(SettingException.class, () -> weights("[1, 2]")).getMessage());
    }

    @Test
    void rejectsNegativeWeightsAndZeros() {
        String allowed = " Allowed: balanced, or numbers from 0 to 1000000, not all 0, or null.";
        for (String wrong : List.of("[1,-1,1,1]", "[0,0,0,0]")) {
            assertEquals(
                    "Invalid value for \"class_weights\". Received: "
                            + wrong.replace(",", ", ")
                            + "."
                            + allowed,
                    assertThrows(SettingException.class, () -> weights(wrong)).getMessage());
        }
    }
}
