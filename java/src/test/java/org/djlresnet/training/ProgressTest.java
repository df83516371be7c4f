package org.djlresnet.training;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.util.List;
import java.util.Map;
import org.djlresnet.recipe.Recipe;
import org.junit.jupiter.api.Test;

class ProgressTest {

    private static EpochRow row(int epoch) {
        return new EpochRow(epoch, 10L * epoch, 1, 2, 3, 0.5, Rows.metrics(0.25, 0.125, 4, 0.75));
    }

    private static JsonObject json(Progress progress, int fromRow) {
        return JsonParser.parseString(progress.toJson(fromRow)).getAsJsonObject();
    }

    @Test
    void unknownValuesAreNull() {
        assertEquals(
                JsonParser.parseString(
                        """
                        {"state": "starting", "epoch": 0, "epochs": 4, "step": 0, "done": 0,
                         "total": 0, "metrics": {}, "examples_per_second": null, "ended": null,
                         "test": null, "rows": []}
                        """),
                json(new Progress(4, TrainingState.beginning(Recipe.fromJson("{}"))), 0));
    }

    @Test
    void reportsThePhase() {
        Progress progress = new Progress(4, TrainingState.beginning(Recipe.fromJson("{}")));
        progress.begin(Progress.State.TRAINING, 2, 600, 0);
        assertEquals("training", json(progress, 0).get("state").getAsString());
        assertTrue(json(progress, 0).get("examples_per_second").isJsonNull());
        progress.advance(7, 256, Map.of());
        JsonObject json = json(progress, 0);
        assertEquals(2, json.get("epoch").getAsInt());
        assertEquals(7, json.get("step").getAsInt());
        assertEquals(256, json.get("done").getAsInt());
        assertEquals(600, json.get("total").getAsInt());
        assertTrue(json.get("examples_per_second").getAsDouble() > 0);
        progress.begin(Progress.State.VALIDATING, 2, 100, 0);
        json = json(progress, 0);
        assertEquals("validating", json.get("state").getAsString());
        assertEquals(7, json.get("step").getAsInt());
        assertEquals(0, json.get("done").getAsInt());
        assertTrue(json.get("examples_per_second").isJsonNull());
    }

    @Test
    void keepsThePreviousPhase() {
        Progress progress = new Progress(4, TrainingState.beginning(Recipe.fromJson("{}")));
        progress.begin(Progress.State.TRAINING, 2, 600, 0);
        progress.advance(6, 256, Map.of("loss", 2.0));
        assertTrue(json(progress, 0).get("ended").isJsonNull());
        progress.advance(7, 600, Map.of("loss", 1.5, "accuracy", 0.5));
        progress.begin(Progress.State.VALIDATING, 2, 100, 0);
        progress.advance(7, 50, Map.of("loss", 9.0));
        JsonObject ended = json(progress, 0).getAsJsonObject("ended");
        assertTrue(ended.remove("examples_per_second").getAsDouble() > 0);
        assertEquals(
                JsonParser.parseString(
                        """
                        {"state": "training", "epoch": 2, "done": 600, "total": 600,
                         "metrics": {"loss": 1.5, "accuracy": 0.5}}
                        """),
                ended);
        progress.end(Progress.State.STOPPED);
        ended = json(progress, 0).getAsJsonObject("ended");
        assertEquals("validating", ended.get("state").getAsString());
        assertEquals(50, ended.get("done").getAsInt());
    }

    @Test
    void doesNotChangeAfterTheRun() {
        Progress progress = new Progress(1, TrainingState.beginning(Recipe.fromJson("{}")));
        progress.begin(Progress.State.TRAINING, 1, 600, 0);
        progress.advance(1, 600, Map.of());
        progress.end(Progress.State.DONE);
        assertEquals(progress.toJson(0), progress.toJson(0));
        assertEquals("done", json(progress, 0).get("state").getAsString());
    }

    @Test
    void returnsRowsFromAnIndex() {
        Progress progress = new Progress(3, TrainingState.beginning(Recipe.fromJson("{}")));
        for (int epoch = 1; epoch <= 3; epoch++) {
            progress.add(row(epoch));
        }
        for (int from = 0; from <= 4; from++) {
            assertEquals(
                    progress.rows().stream().skip(from).map(EpochRow::toJson).toList(),
                    List.copyOf(json(progress, from).getAsJsonArray("rows").asList()).stream()
                            .map(row -> JsonParser.parseString(row.toString()).getAsJsonObject())
                            .toList(),
                    "from " + from);
        }
        assertEquals(3, json(progress, -1).getAsJsonArray("rows").size());
        assertThrows(UnsupportedOperationException.class, () -> progress.rows().add(row(4)));
    }

    @Test
    void rowsHaveColumnNamesAsKeys() {
        assertEquals(
                List.of(EpochRow.csvHeader(Rows.COLUMNS).split(",")),
                List.copyOf(row(1).toJson().keySet()));
        assertEquals(
                JsonParser.parseString(
                        """
                        {"epoch": 2, "step": 20, "seconds": 1.0, "validation_seconds": 2.0,
                         "examples_per_second": 3.0, "lr": 0.5, "train_loss": 0.25,
                         "train_accuracy": 0.125, "test_loss": 4.0, "test_accuracy": 0.75}
                        """),
                JsonParser.parseString(row(2).toJson().toString()));
    }
}
