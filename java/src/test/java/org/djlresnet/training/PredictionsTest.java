package org.djlresnet.training;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The predictions of a run's final network on its test data. */
@Tag("engine")
@Timeout(120)
class PredictionsTest extends ResumeFixture {

    private static List<String[]> rows(Path folder) throws IOException {
        List<String> lines = Files.readAllLines(folder.resolve("predictions.csv"));
        assertEquals("epoch,example,label,predicted,probability,loss", lines.get(0));
        return lines.stream().skip(1).map(line -> line.split(",")).toList();
    }

    private void assertAgree(Path folder, TrainingRun run, int epoch) throws IOException {
        List<String[]> rows = rows(folder);
        assertEquals(test.size(), rows.size());
        double loss = 0;
        double correct = 0;
        for (int i = 0; i < rows.size(); i++) {
            String[] row = rows.get(i);
            assertEquals(epoch, Integer.parseInt(row[0]));
            assertEquals(i, Integer.parseInt(row[1]));
            assertEquals(test.label(i), Integer.parseInt(row[2]));
            boolean right = row[2].equals(row[3]);
            double lossOfExample = Double.parseDouble(row[5]);
            if (right) {
                assertEquals(Math.exp(-lossOfExample), Double.parseDouble(row[4]), 1e-6);
            }
            correct += right ? 1 : 0;
            loss += lossOfExample;
        }
        EpochRow row = run.trainer().progress().rows().get(epoch - 1);
        assertEquals(row.metric("test_accuracy"), correct / test.size(), 1e-9);
        assertEquals(row.metric("test_loss"), loss / test.size(), 1e-6);
    }

    @Test
    void areThoseOfTheLastEvaluation() throws IOException {
        Path folder = dir.resolve("run");
        TrainingRun run = prepare(RECIPE, folder);
        assertNull(run.trainer().predictions());
        finish(run);
        assertAgree(folder, run, 3);
        assertEquals(
                Files.readString(folder.resolve("predictions.csv")), run.trainer().predictions());
        // nothing was evaluated again
        assertEquals(
                "validating",
                progress(run.trainer()).getAsJsonObject("ended").get("state").getAsString());
    }

    @Test
    void areThoseOfTheBestEpochIfTheRunEndsWithIt() throws IOException {
        // after the first epoch this rate ruins the network
        String recipe =
                "{'model': 'cifar-resnet20', 'epochs': 6, 'batch_size': 8, 'lr': 0.01,"
                        + " 'patience': 2}";
        Path folder = dir.resolve("run");
        TrainingRun run = prepare(recipe, folder);
        finish(run);
        List<EpochRow> rows = run.trainer().progress().rows();
        int best = run.trainer().selection().best(rows).epoch();
        assertNotEquals(rows.size(), best);
        assertAgree(folder, run, best);
    }

    @Test
    void areComputedOnResumingIfTheyWereNotWritten() throws IOException {
        Path folder = whole(RECIPE);
        Path file = folder.resolve("predictions.csv");
        String written = Files.readString(file);
        Files.writeString(file, written.replace("\n3,", "\n2,"));
        finish(resume(folder, "{}"));
        assertEquals(written, Files.readString(file));
    }

    @Test
    void ofAStoppedRunAreNotWritten() throws IOException {
        Path folder = stoppedAfter(1, RECIPE);
        assertEquals(false, Files.exists(folder.resolve("predictions.csv")));
    }
}
