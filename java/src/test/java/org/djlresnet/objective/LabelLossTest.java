package org.djlresnet.objective;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import ai.djl.training.GradientCollector;
import com.google.gson.Gson;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.Reader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.stream.Stream;
import org.djlresnet.engine.TorchScript;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Compares losses and gradients with PyTorch's, which tests/golden/label_loss.py computes. */
class LabelLossTest {

    private static final String GRADIENT =
            """
              def both(self: __torch__.Program, x: Tensor, y: Tensor) -> List[Tensor]:
                _0 = torch.set_grad_enabled(True)
                outputs = torch.requires_grad_(torch.detach(x), True)
                values = (self).loss([outputs], y, )
                gradients = torch.autograd.grad([values[0]], [outputs])
                return [values[0], unchecked_cast(Tensor, gradients[0])]
              def each(self: __torch__.Program, x: Tensor, y: Tensor) -> Tensor:
                classes = torch.to(y, 4)
                return %s
            """;

    private record Case(
            List<Double> weights,
            double smoothing,
            double focusing,
            float[] each,
            float[] gradient) {
        LabelLoss loss() {
            return new LabelLoss(weights, smoothing, focusing);
        }

        double mean() {
            double sum = 0;
            for (float loss : each) {
                sum += loss;
            }
            return sum / each.length;
        }
    }

    private record Golden(float[] logits, int[] labels, List<Case> cases) {}

    private static final Golden GOLDEN = read();

    private static Golden read() {
        try (Reader reader =
                new InputStreamReader(
                        LabelLossTest.class.getResourceAsStream("/golden/label_loss.json"),
                        StandardCharsets.UTF_8)) {
            return new Gson().fromJson(reader, Golden.class);
        } catch (IOException unreadable) {
            throw new UncheckedIOException(unreadable);
        }
    }

    static Stream<Case> cases() {
        return GOLDEN.cases.stream();
    }

    private record Results(float loss, float[] gradient) {}

    private static Results blocks(LabelLoss loss, float[] values, int[] labels) {
        try (NDManager manager = NDManager.newBaseManager()) {
            NDArray logits = logits(manager, values, labels);
            logits.setRequiresGradient(true);
            Classification objective = new Classification(4, loss);
            Objective.Value value;
            try (GradientCollector collector = manager.getEngine().newGradientCollector()) {
                value = objective.apply(new NDList(logits.mul(1)), batch(manager, labels));
                collector.backward(value.loss());
            }
            return new Results(value.loss().getFloat(), logits.getGradient().toFloatArray());
        }
    }

    private static NDArray logits(NDManager manager, float[] values, int[] labels) {
        return manager.create(values, new Shape(labels.length, values.length / labels.length));
    }

    private static Minibatch batch(NDManager manager, int[] labels) {
        return new Minibatch(
                manager.ones(new Shape(labels.length, 1, 1, 1)), manager.create(labels));
    }

    @ParameterizedTest
    @MethodSource("cases")
    @Tag("engine")
    void blocksEqualPyTorch(Case golden) {
        Results results = blocks(golden.loss(), GOLDEN.logits, GOLDEN.labels);
        // MXNet adds an epsilon to the probabilities of the plain loss
        assertEquals(golden.mean(), results.loss, 1e-5);
        assertArrayEquals(golden.gradient, results.gradient, 2e-6f);
    }

    @ParameterizedTest
    @MethodSource("cases")
    void programsEqualPyTorch(Case golden) {
        LabelLoss loss = golden.loss();
        String text = new Classification(4, loss).program();
        try (NDManager manager = NDManager.newBaseManager();
                TorchScript program =
                        new TorchScript(
                                manager, text + GRADIENT.formatted(loss.each("x", "classes")))) {
            NDList arguments =
                    new NDList(
                            logits(manager, GOLDEN.logits, GOLDEN.labels),
                            manager.create(GOLDEN.labels));
            NDList both = program.call("both", arguments);
            assertEquals(golden.mean(), both.get(0).getFloat(), 1e-6);
            assertArrayEquals(golden.gradient, both.get(1).toFloatArray(), 1e-6f);
            float[] each = program.call("each", arguments).get(0).toFloatArray();
            assertArrayEquals(golden.each, each, 2e-6f);
        }
    }

    @Test
    @Tag("engine")
    void certainExamplesHaveFiniteGradientsUnderWeakFocusing() {
        Results results =
                blocks(new LabelLoss(null, 0, 0.5), new float[] {90, 0, 0, 0}, new int[] {0});
        // MXNet rounds them
        assertEquals(0, results.loss, 1e-8);
        assertArrayEquals(new float[4], results.gradient, 1e-8f);
    }
}
