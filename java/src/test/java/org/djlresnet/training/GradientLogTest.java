package org.djlresnet.training;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;

import ai.djl.ndarray.NDArray;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.djlresnet.recipe.SettingException;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Tag("engine")
@Timeout(120)
class GradientLogTest extends ResumeFixture {

    private static final String EVERY_STEP =
            RECIPE.replace("}", ", 'checkpoint_every': '2', 'debug_gradients': 'step'}");

    private static double norm(NDArray array) {
        double squares = 0;
        for (float value : array.toFloatArray()) {
            squares += (double) value * value;
        }
        return Math.sqrt(squares);
    }

    private static List<String> rows(Path folder) throws IOException {
        List<String> lines = Files.readAllLines(folder.resolve("gradients.csv"));
        assertEquals("step,epoch,name,gradient_norm,weight_norm,update_ratio", lines.get(0));
        return lines.subList(1, lines.size());
    }

    @Test
    void recordsTheNormsOfPlainGradientDescent() throws IOException {
        // without momentum and decay the update is lr times the gradient
        String recipe =
                "{'model': 'cifar-resnet20', 'epochs': 1, 'batch_size': 8, 'lr': 0.25,"
                        + " 'debug_gradients': 'step'}";
        Path folder = dir.resolve("run");
        TrainingRun run = prepare(recipe, folder);
        List<Map<String, double[]>> expected = new ArrayList<>();
        run.trainer()
                .onGradients(
                        gradients -> {
                            Map<String, double[]> norms = new LinkedHashMap<>();
                            gradients.forEach(
                                    (name, gradient) -> {
                                        NDArray weights =
                                                run.network().parameters().get(name).getArray();
                                        norms.put(
                                                name, new double[] {norm(gradient), norm(weights)});
                                    });
                            expected.add(norms);
                        });
        finish(run);
        List<String> rows = rows(folder);
        int next = 0;
        for (int step = 1; step <= 5; step++) {
            String[] global = rows.get(next++).split(",", -1);
            assertArrayEquals(
                    new String[] {"" + step, "1", "global"},
                    List.of(global).subList(0, 3).toArray());
            double[] squares = new double[2];
            for (Map.Entry<String, double[]> entry : expected.get(step - 1).entrySet()) {
                String[] row = rows.get(next++).split(",", -1);
                double[] norms = entry.getValue();
                assertEquals(entry.getKey(), row[2]);
                assertEquals(norms[0], Double.parseDouble(row[3]), 1e-5 * norms[0] + 1e-12);
                assertEquals(norms[1], Double.parseDouble(row[4]), 1e-5 * norms[1]);
                if (norms[1] == 0) {
                    assertEquals("", row[5]);
                } else {
                    double ratio = 0.25 * norms[0] / norms[1];
                    // the change is a difference of rounded weights
                    assertEquals(ratio, Double.parseDouble(row[5]), 1e-3 * ratio + 1e-6);
                }
                squares[0] += norms[0] * norms[0];
                squares[1] += norms[1] * norms[1];
            }
            double gradient = Math.sqrt(squares[0]);
            double weight = Math.sqrt(squares[1]);
            assertEquals(gradient, Double.parseDouble(global[3]), 1e-5 * gradient);
            assertEquals(weight, Double.parseDouble(global[4]), 1e-5 * weight);
            assertEquals(
                    0.25 * gradient / weight,
                    Double.parseDouble(global[5]),
                    1e-4 * gradient / weight);
        }
        assertEquals(next, rows.size());
    }

    @Test
    void recordsTheLastStepOfEachEpoch() throws IOException {
        Path folder = whole(RECIPE.replace("}", ", 'debug_gradients': 'epoch'}"));
        assertEquals(
                List.of("5,1,global", "10,2,global", "15,3,global"),
                rows(folder).stream()
                        .filter(row -> row.contains("global"))
                        .map(row -> row.substring(0, row.indexOf("global") + 6))
                        .toList());
    }

    @Test
    void recordsTheFirstStepsThenEveryFewAndTheLastOfEachEpoch() throws IOException {
        // three epochs of five steps
        Path folder = whole(RECIPE.replace("}", ", 'debug_gradients': '4'}"));
        assertEquals(
                List.of("1", "2", "3", "4", "5", "8", "10", "12", "15"),
                rows(folder).stream()
                        .filter(row -> row.contains("global"))
                        .map(row -> row.substring(0, row.indexOf(',')))
                        .toList());
    }

    @Test
    void changesNothingElse() throws IOException {
        Path plain = whole(RECIPE);
        Path logged = dir.resolve("logged");
        finish(prepare(EVERY_STEP, logged));
        assertSameResult(plain, logged);
        assertFalse(Files.exists(plain.resolve("gradients.csv")));
    }

    @Test
    void resumingContinuesTheFile() throws IOException {
        Path whole = whole(EVERY_STEP);
        Path parts = dir.resolve("parts");
        finishSteps(7, prepare(EVERY_STEP, parts));
        // leaves the checkpoint of step 6, and the rows of step 7
        Files.delete(parts.resolve("last.safetensors"));
        Path file = parts.resolve("gradients.csv");
        Files.writeString(file, "8", StandardOpenOption.APPEND);
        finish(resume(parts, "{}"));
        assertEquals(Files.readString(whole.resolve("gradients.csv")), Files.readString(file));
    }

    @Test
    void aResumedRunMayBeginToRecord() throws IOException {
        Path parts = stoppedAfter(1, RECIPE);
        finish(resume(parts, "{'debug_gradients': 'epoch'}"));
        assertEquals("10,2,global", rows(parts).get(0).substring(0, 11));
    }

    @Test
    void needsAFolder() {
        assertEquals(
                "\"debug_gradients\" needs a run folder. Received: none. Set \"out\".",
                assertThrows(SettingException.class, () -> prepare(EVERY_STEP, null)).getMessage());
    }
}
