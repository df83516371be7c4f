package org.djlresnet.training;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.djlresnet.UserException;
import org.djlresnet.engine.Precision;
import org.junit.jupiter.api.Test;

/** Trains in bfloat16, which needs programs, so PyTorch. */
class PrecisionTest extends ResumeFixture {

    private static final String BFLOAT16 = RECIPE.replace("}", ", 'precision': 'bfloat16'}");

    @Test
    void resumesExactlyInBfloat16() throws IOException {
        Path whole = whole(BFLOAT16);
        Path parts = dir.resolve("parts");
        finishSteps(7, prepare(BFLOAT16, parts));
        finish(resume(parts, "{}"));
        assertSameResult(whole, parts);
        Path float32 = dir.resolve("float32");
        finish(prepare(RECIPE, float32));
        Path metrics = Path.of("metrics.csv");
        assertNotEquals(
                Files.readString(whole.resolve(metrics)),
                Files.readString(float32.resolve(metrics)));
    }

    @Test
    void autoIsResolvedInTheRecipe() throws IOException {
        Path folder = dir.resolve("auto");
        finishSteps(1, prepare(RECIPE.replace("}", ", 'precision': 'auto'}"), folder));
        JsonObject recipe =
                JsonParser.parseString(Files.readString(folder.resolve("recipe.json")))
                        .getAsJsonObject();
        assertEquals(
                Precision.of(Precision.AUTO).toString(), recipe.get("precision").getAsString());
    }

    @Test
    void bfloat16NeedsAProgram() {
        String blocks = BFLOAT16.replace("}", ", 'compile': false}");
        UserException error =
                assertThrows(UserException.class, () -> prepare(blocks, dir.resolve("blocks")));
        assertTrue(
                error.getMessage().contains("bfloat16 needs a compiled network"), error::toString);
    }
}
