package org.djlresnet.evaluation;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.util.List;
import org.junit.jupiter.api.Test;

class EvaluationTest {

    private static void assertClass(
            JsonObject json,
            String name,
            double precision,
            double recall,
            double f1,
            long support) {
        assertEquals(
                List.of("name", "precision", "recall", "f1", "support"),
                List.copyOf(json.keySet()));
        assertEquals(name, json.get("name").getAsString());
        assertEquals(precision, json.get("precision").getAsDouble(), 1e-12, name);
        assertEquals(recall, json.get("recall").getAsDouble(), 1e-12, name);
        assertEquals(f1, json.get("f1").getAsDouble(), 1e-12, name);
        assertEquals(support, json.get("support").getAsLong(), name);
    }

    @Test
    void metricsOfThreeClasses() {
        long[][] confusion = {{5, 2, 1}, {0, 3, 3}, {1, 0, 5}};
        Evaluation evaluation = new Evaluation(List.of("a", "b", "c"), 10, confusion);
        assertEquals(20, evaluation.examples());
        assertEquals(0.5, evaluation.loss());
        assertEquals(0.65, evaluation.accuracy(), 1e-12);
        JsonObject json = JsonParser.parseString(evaluation.toJson()).getAsJsonObject();
        assertEquals(
                List.of("loss", "accuracy", "classes", "confusion_matrix"),
                List.copyOf(json.keySet()));
        assertEquals(0.5, json.get("loss").getAsDouble());
        assertEquals(0.65, json.get("accuracy").getAsDouble(), 1e-12);
        JsonArray classes = json.getAsJsonArray("classes");
        assertEquals(3, classes.size());
        // F1 is 2 TP / (2 TP + FP + FN)
        assertClass(classes.get(0).getAsJsonObject(), "a", 5 / 6.0, 5 / 8.0, 10 / 14.0, 8);
        assertClass(classes.get(1).getAsJsonObject(), "b", 3 / 5.0, 3 / 6.0, 6 / 11.0, 6);
        assertClass(classes.get(2).getAsJsonObject(), "c", 5 / 9.0, 5 / 6.0, 10 / 15.0, 6);
        assertEquals(
                JsonParser.parseString("[[5, 2, 1], [0, 3, 3], [1, 0, 5]]").toString(),
                json.get("confusion_matrix").toString());
    }

    @Test
    void zeroOverZeroIsZero() {
        // b has no example and is never predicted; c has examples, but none is recognized
        long[][] confusion = {{2, 0, 0}, {0, 0, 0}, {2, 0, 0}};
        JsonArray classes =
                JsonParser.parseString(
                                new Evaluation(List.of("a", "b", "c"), 0, confusion).toJson())
                        .getAsJsonObject()
                        .getAsJsonArray("classes");
        assertClass(classes.get(0).getAsJsonObject(), "a", 0.5, 1, 2 / 3.0, 2);
        assertClass(classes.get(1).getAsJsonObject(), "b", 0, 0, 0, 0);
        assertClass(classes.get(2).getAsJsonObject(), "c", 0, 0, 0, 2);
    }
}
