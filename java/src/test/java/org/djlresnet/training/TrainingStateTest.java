package org.djlresnet.training;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.util.List;
import java.util.Map;
import org.djlresnet.recipe.Recipe;
import org.junit.jupiter.api.Test;

class TrainingStateTest {

    private static JsonObject json(String singleQuoted) {
        return JsonParser.parseString(singleQuoted.replace('\'', '"')).getAsJsonObject();
    }

    @Test
    void readsBackWhatItWrites() {
        TrainingState state =
                new TrainingState(
                        Recipe.fromJson("{}"),
                        2,
                        20,
                        List.of(Rows.row(1, 0.5, 0.75), Rows.row(2, 0.25, 0.5)),
                        new TrainingState.Partial(8, Map.of("loss", 3.5, "accuracy", 5.0), 1.25),
                        json("{'train': '0a', 'test': '0b'}"));
        JsonObject written = state.toJson(Rows.ACCURACY);
        assertEquals(
                json("{'metric': 'test_accuracy', 'value': 0.75, 'epoch': 1}"),
                written.get("best"));
        TrainingState read = TrainingState.fromJson(json(written.toString()));
        assertEquals(state.partial(), read.partial());
        assertEquals(state.history(), read.history());
        assertEquals(state.data(), read.data());
        assertEquals(state.recipe(), read.recipe());
    }
}
