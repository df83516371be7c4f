package org.djlresnet.program;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.engine.Engine;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import org.djlresnet.engine.EngineTraits;
import org.djlresnet.engine.TorchScript;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Compares gradients in bfloat16 with those of ATen in float32. */
class WeightGradientsTest {

    /** Rounds its arguments to bfloat16; returns our gradient and ATen's, in float32. */
    private static final String BOTH =
            """
              def both(self: __torch__.Program, gradient: Tensor, map: Tensor, weight: Tensor) \
            -> List[Tensor]:
                g = torch.to(gradient, 15)
                x = torch.to(map, 15)
                w = torch.to(weight, 15)
                ours = torch.to((self).weight_gradient(g, x, w, %1$s, %2$s, ), 6)
                _0, expected, _1, = torch.convolution_backward(torch.to(g, 6), torch.to(x, 6), \
            torch.to(w, 6), None, %1$s, %2$s, [1, 1], False, [0, 0], 1, [False, True, False])
                return annotate(List[Tensor], [ours, expected])
            """;

    private static NDArray array(NDManager manager, int start, long... shape) {
        Shape sizes = new Shape(shape);
        return manager.arange(start, start + (float) sizes.size()).mul(0.7f).sin().reshape(sizes);
    }

    @ParameterizedTest
    @CsvSource({
        // input channels, outputs, kernel, stride, padding, height and width of the map
        "16, 8, 3, 1, 1, 9, 10",
        "5, 8, 3, 2, 1, 9, 9",
        "1, 8, 3, 1, 1, 9, 9",
        "32, 8, 3, 1, 1, 9, 9",
        "32, 24, 3, 1, 1, 3, 3",
        "16, 24, 3, 1, 1, 2, 3",
        "32, 8, 1, 1, 0, 3, 3",
        "32, 8, 3, 2, 1, 5, 6",
        "16, 8, 3, 1, 0, 5, 5",
    })
    void equalsAtensInFloat32(
            int in, int out, int kernel, int stride, int padding, int height, int width) {
        Engine engine = Engine.getEngine("PyTorch");
        EngineTraits.of(engine).disableRecording();
        int rows = (height + 2 * padding - kernel) / stride + 1;
        int columns = (width + 2 * padding - kernel) / stride + 1;
        String text =
                WeightGradients.METHOD
                        + BOTH.formatted(
                                "[" + stride + ", " + stride + "]",
                                "[" + padding + ", " + padding + "]");
        try (NDManager manager = engine.newBaseManager();
                TorchScript program = new TorchScript(manager, text)) {
            NDArray gradient = array(manager, 1, 4, out, rows, columns);
            NDArray map = array(manager, 2, 4, in, height, width);
            NDArray weight = array(manager, 3, out, in, kernel, kernel);
            NDList results = program.call("both", new NDList(gradient, map, weight));
            NDArray expected = results.get(1);
            assertEquals(weight.getShape(), results.get(0).getShape());
            float largest = expected.abs().max().getFloat();
            assertTrue(largest > 0.1);
            float difference = expected.sub(results.get(0)).abs().max().getFloat();
            // the result is rounded to 8 bits
            assertTrue(difference <= largest / 250, difference + " of " + largest);
        }
    }
}
