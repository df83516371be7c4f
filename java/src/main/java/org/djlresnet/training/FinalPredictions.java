package org.djlresnet.training;

import java.util.function.Supplier;
import org.djlresnet.data.Examples;
import org.djlresnet.objective.Measurement;

/** The final network's predictions on the test data. */
final class FinalPredictions {

    private final Recorder recorder;
    private Measurement kept;
    private String text;

    FinalPredictions(Recorder recorder) {
        this.recorder = recorder;
    }

    /** Keeps an evaluation of the network that would be final if the run ended now. */
    void keep(Measurement measurement) {
        kept = measurement;
    }

    /**
     * Writes the predictions. The network is evaluated for them only if an earlier process was
     * killed before it wrote them.
     *
     * @param epoch the epoch of the final network
     * @param examples what it was evaluated on
     * @param evaluate evaluates it; null if the run was stopped
     */
    void finish(int epoch, Examples examples, Supplier<Measurement> evaluate) {
        text = kept == null ? recorder.predictions(epoch) : null;
        if (text != null) {
            return;
        }
        Measurement measurement = kept == null ? evaluate.get() : kept;
        if (measurement != null) {
            text = withPaths(measurement.predictions(epoch), examples);
            recorder.predictions(text);
        }
    }

    /** Adds a column with the file of each example, if examples are files. */
    static String withPaths(String table, Examples examples) {
        if (examples.path(0) == null) {
            return table;
        }
        String[] lines = table.split("\n");
        StringBuilder text = new StringBuilder(lines[0]).append(",path\n");
        for (int i = 1; i < lines.length; i++) {
            text.append(lines[i]).append(',').append(quoted(examples.path(i - 1))).append('\n');
        }
        return text.toString();
    }

    private static String quoted(String field) {
        boolean plain = field.chars().noneMatch(letter -> ",\"\r\n".indexOf(letter) >= 0);
        return plain ? field : '"' + field.replace("\"", "\"\"") + '"';
    }

    /** Returns the contents of predictions.csv; null before {@link #finish}. */
    String text() {
        return text;
    }
}
