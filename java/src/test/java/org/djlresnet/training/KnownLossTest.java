package org.djlresnet.training;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import java.util.List;
import java.util.stream.Stream;
import org.djlresnet.QuadrantImages;
import org.djlresnet.model.Network;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Compares the losses of runs that hardly change their network with those of its logits. */
@Timeout(120)
class KnownLossTest extends ResumeFixture {

    private static final String RECIPE =
            "{'model': 'cifar-resnet20', 'batch_size': 8, 'drop_last': false, 'lr': 1e-9, 'freeze':"
                    + " 'body', ";

    private static final int CLASSES = QuadrantImages.CLASSES.size();
    private static final int SIZE = 8;

    private List<Double> losses(String settings) {
        TrainingRun run = prepare(RECIPE + settings + "}", null);
        finish(run);
        return run.trainer().progress().rows().stream()
                .map(row -> row.metrics().get("train_loss"))
                .toList();
    }

    /** Returns each training image's probabilities by class. */
    private double[][] probabilities(boolean mirrored) {
        double[][] found = new double[train.size()][CLASSES];
        try (Network network = network(QuadrantImages.recipe(RECIPE + "'epochs': 1}"));
                NDManager scope = network.manager().newSubManager()) {
            NDArray images =
                    scope.create(
                            QuadrantImages.floats(train).asFloatBuffer(),
                            new Shape(train.size(), 1, SIZE, SIZE));
            float[] logits =
                    network.forward(mirrored ? images.flip(3) : images, false).toFloatArray();
            for (int i = 0; i < train.size(); i++) {
                double sum = 0;
                for (int c = 0; c < CLASSES; c++) {
                    found[i][c] = Math.exp(logits[CLASSES * i + c]);
                    sum += found[i][c];
                }
                for (int c = 0; c < CLASSES; c++) {
                    found[i][c] /= sum;
                }
            }
        }
        return found;
    }

    /** Returns the mean of −Σ weight · target · (1 − p)^gamma · ln p. */
    private double loss(
            double[][] probabilities, double smoothing, double gamma, double... weights) {
        double loss = 0;
        for (int i = 0; i < train.size(); i++) {
            for (int c = 0; c < CLASSES; c++) {
                double p = probabilities[i][c];
                double target = (c == train.label(i) ? 1 - smoothing : 0) + smoothing / CLASSES;
                loss -= weights[c] * target * Math.pow(1 - p, gamma) * Math.log(p);
            }
        }
        return loss / train.size();
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '"',
            value = {
                "'label_smoothing': 0.0 | 0   | 0 | 1, 1, 1, 1",
                "'label_smoothing': 0.3 | 0.3 | 0 | 1, 1, 1, 1",
                "'focal_gamma': 2       | 0   | 2 | 1, 1, 1, 1",
                "'class_weights': [0.5, 2, 1, 4] | 0 | 0 | 0.5, 2, 1, 4",
            })
    void settingsOfTheLossAreUsed(String settings, double smoothing, double gamma, String weights) {
        double[] numbers =
                Stream.of(weights.split(", ")).mapToDouble(Double::parseDouble).toArray();
        double expected = loss(probabilities(false), smoothing, gamma, numbers);
        assertEquals(expected, losses("'epochs': 1, " + settings).get(0), 1e-5 * expected);
    }

    /** In two epochs an image is shown once as it is and once mirrored. */
    @Test
    void augmentationDependsOnTheEpoch() {
        List<Double> losses = losses("'epochs': 2, 'augment': ['alternating-flip']");
        double expected = 0;
        for (boolean mirrored : new boolean[] {false, true}) {
            expected += loss(probabilities(mirrored), 0, 0, 1, 1, 1, 1);
        }
        assertEquals(expected, losses.get(0) + losses.get(1), 1e-5 * expected);
        assertNotEquals(losses.get(0), losses.get(1), 1e-4 * expected);
    }
}
