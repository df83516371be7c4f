package org.djlresnet.training;

import java.util.function.Supplier;
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
     * @param evaluate evaluates it; null if the run was stopped
     */
    void finish(int epoch, Supplier<Measurement> evaluate) {
        text = kept == null ? recorder.predictions(epoch) : null;
        if (text != null) {
            return;
        }
        Measurement measurement = kept == null ? evaluate.get() : kept;
        if (measurement != null) {
            text = measurement.predictions(epoch);
            recorder.predictions(text);
        }
    }

    /** Returns the contents of predictions.csv; null before {@link #finish}. */
    String text() {
        return text;
    }
}
