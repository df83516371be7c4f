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
    void readsAStateOfTheFirstVersion() {
        TrainingState state =
                TrainingState.fromJson(
                        json(
                                "{'recipe': {'epochs': 3, 'lr': 0.5}, 'epoch': 1, 'step': 7,"
                                        + " 'best_test_accuracy': 0.75, 'history': [{'epoch': 1,"
                                        + " 'step': 4, 'seconds': 1.5, 'validation_seconds': 0.5,"
                                        + " 'examples_per_second': 9.0, 'lr': 0.5, 'train_loss': 2.0,"
                                        + " 'train_accuracy': 0.25, 'test_loss': 1.0,"
                                        + " 'test_accuracy': 0.75}], 'partial': {'examples': 24,"
                                        + " 'loss_sum': 36.5, 'correct': 12, 'seconds': 0.25}}"));
        assertEquals(
                new TrainingState.Partial(24, Map.of("loss", 36.5, "accuracy", 12.0), 0.25),
                state.partial());
        assertEquals(7, state.step());
        assertEquals(Rows.COLUMNS, List.copyOf(state.history().get(0).metrics().keySet()));
        assertEquals(0.75, state.history().get(0).metric("test_accuracy"));
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
