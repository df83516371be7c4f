package org.djlresnet.graph;

import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.djlresnet.engine.Precision;

/**
 * An operation of a {@link Graph}. Maps are arrays (N, C, H, W); each operation has one output.
 *
 * <p>Optional operands, such as the bias of a convolution, are null where they are absent.
 */
public sealed interface Operation {

    /**
     * Returns the output.
     *
     * @return the output
     */
    Value output();

    /**
     * Lists what the operation reads, parameters included.
     *
     * @return the operands in order, without absent ones
     */
    List<Value> operands();

    /**
     * Replaces what the operation reads.
     *
     * @param names gives each operand its replacement, or itself
     * @return the operation, reading the others
     */
    Operation reading(UnaryOperator<Value> names);

    /** An operation that reads one array and no parameters. */
    sealed interface Unary extends Operation {

        /**
         * Returns the operand.
         *
         * @return the operand
         */
        Value input();

        @Override
        default List<Value> operands() {
            return List.of(input());
        }
    }

    /**
     * A convolution without dilation: (N, C, H, W) → (N, out, H', W').
     *
     * @param output the output
     * @param input the map
     * @param weight (out, C / groups, height, width)
     * @param bias (out), or null
     * @param window kernel, stride and padding
     * @param groups the number of groups of channels
     */
    record Convolution(
            Value output, Value input, Value weight, Value bias, Window window, int groups)
            implements Operation {
        @Override
        public List<Value> operands() {
            return present(input, weight, bias);
        }

        @Override
        public Convolution reading(UnaryOperator<Value> names) {
            return new Convolution(
                    output,
                    names.apply(input),
                    names.apply(weight),
                    or(bias, names),
                    window,
                    groups);
        }
    }

    /**
     * Batch normalization over the channels, or over the features of (N, C). In training it
     * normalizes by the batch's statistics and updates the running ones; in evaluation it
     * normalizes by the running ones.
     *
     * @param output an array of the input's shape
     * @param input (N, C, H, W)
     * @param weight the scales, (C)
     * @param bias the shifts, (C)
     * @param mean the running mean, (C)
     * @param variance the running variance, (C)
     * @param momentum the weight of the old running statistics at each training step
     * @param epsilon added to the variance
     */
    record BatchNorm(
            Value output,
            Value input,
            Value weight,
            Value bias,
            Value mean,
            Value variance,
            double momentum,
            double epsilon)
            implements Operation {
        @Override
        public List<Value> operands() {
            return present(input, weight, bias, mean, variance);
        }

        @Override
        public BatchNorm reading(UnaryOperator<Value> names) {
            return new BatchNorm(
                    output, names.apply(input), weight, bias, mean, variance, momentum, epsilon);
        }
    }

    /**
     * A transposed convolution with an odd square kernel, whose output is the input's size times
     * the stride: (N, C, H, W) → (N, out, H · stride, W · stride).
     *
     * @param output the output
     * @param input the map
     * @param weight (C, out, kernel, kernel)
     * @param bias (out), or null
     * @param kernel the kernel's height and width
     * @param stride the stride
     */
    record TransposedConvolution(
            Value output, Value input, Value weight, Value bias, int kernel, int stride)
            implements Operation {
        @Override
        public List<Value> operands() {
            return present(input, weight, bias);
        }

        @Override
        public TransposedConvolution reading(UnaryOperator<Value> names) {
            return new TransposedConvolution(
                    output,
                    names.apply(input),
                    names.apply(weight),
                    or(bias, names),
                    kernel,
                    stride);
        }
    }

    /**
     * max(x, 0).
     *
     * @param output an array of the input's shape
     * @param input any shape
     * @param inPlace whether the output overwrites the input
     */
    record Relu(Value output, Value input, boolean inPlace) implements Unary {
        @Override
        public Relu reading(UnaryOperator<Value> names) {
            return new Relu(output, names.apply(input), inPlace);
        }
    }

    /**
     * x · Φ(x), with the normal distribution function Φ: the Gaussian error linear unit.
     *
     * @param output an array of the input's shape
     * @param input any shape
     */
    record Gelu(Value output, Value input) implements Unary {
        @Override
        public Gelu reading(UnaryOperator<Value> names) {
            return new Gelu(output, names.apply(input));
        }
    }

    /**
     * 1 / (1 + exp(−x)).
     *
     * @param output an array of the input's shape
     * @param input any shape
     */
    record Sigmoid(Value output, Value input) implements Unary {
        @Override
        public Sigmoid reading(UnaryOperator<Value> names) {
            return new Sigmoid(output, names.apply(input));
        }
    }

    /**
     * A product with a constant.
     *
     * @param output an array of the input's shape
     * @param input any shape
     * @param factor the constant
     */
    record Scale(Value output, Value input, double factor) implements Unary {
        @Override
        public Scale reading(UnaryOperator<Value> names) {
            return new Scale(output, names.apply(input), factor);
        }
    }

    /**
     * The sum of a residual branch and its shortcut.
     *
     * @param output an array of the operands' shape
     * @param branch any shape
     * @param shortcut the same shape
     * @param block the name of the residual block
     * @param inPlace whether the output overwrites the branch
     */
    record Add(Value output, Value branch, Value shortcut, String block, boolean inPlace)
            implements Operation {
        @Override
        public List<Value> operands() {
            return List.of(branch, shortcut);
        }

        @Override
        public Add reading(UnaryOperator<Value> names) {
            return new Add(output, names.apply(branch), names.apply(shortcut), block, inPlace);
        }
    }

    /**
     * The maximum over a sliding window; padding never wins.
     *
     * @param output (N, C, H', W')
     * @param input (N, C, H, W)
     * @param window kernel, stride and padding
     */
    record MaxPool(Value output, Value input, Window window) implements Unary {
        @Override
        public MaxPool reading(UnaryOperator<Value> names) {
            return new MaxPool(output, names.apply(input), window);
        }
    }

    /**
     * The mean over a sliding window without padding; a window that extends past the edge averages
     * only the values inside.
     *
     * @param output (N, C, ⌈H / stride⌉, ⌈W / stride⌉) for a kernel of the stride's size
     * @param input (N, C, H, W)
     * @param window kernel and stride
     */
    record AveragePool(Value output, Value input, Window window) implements Unary {
        @Override
        public AveragePool reading(UnaryOperator<Value> names) {
            return new AveragePool(output, names.apply(input), window);
        }
    }

    /**
     * The mean over each map.
     *
     * @param output (N, C)
     * @param input (N, C, H, W)
     */
    record GlobalAveragePool(Value output, Value input) implements Unary {
        @Override
        public GlobalAveragePool reading(UnaryOperator<Value> names) {
            return new GlobalAveragePool(output, names.apply(input));
        }
    }

    /**
     * The maximum of each map.
     *
     * @param output (N, C)
     * @param input (N, C, H, W)
     */
    record GlobalMaxPool(Value output, Value input) implements Unary {
        @Override
        public GlobalMaxPool reading(UnaryOperator<Value> names) {
            return new GlobalMaxPool(output, names.apply(input));
        }
    }

    /**
     * A matrix product with a bias: (N, features) → (N, out).
     *
     * @param output (N, out)
     * @param input (N, features)
     * @param weight (out, features)
     * @param bias (out), or null
     */
    record Linear(Value output, Value input, Value weight, Value bias) implements Operation {
        @Override
        public List<Value> operands() {
            return present(input, weight, bias);
        }

        @Override
        public Linear reading(UnaryOperator<Value> names) {
            return new Linear(output, names.apply(input), names.apply(weight), or(bias, names));
        }
    }

    /**
     * The values of each example in a row: (N, C, H, W) → (N, C · H · W).
     *
     * @param output (N, C · H · W)
     * @param input (N, C, H, W)
     */
    record Flatten(Value output, Value input) implements Unary {
        @Override
        public Flatten reading(UnaryOperator<Value> names) {
            return new Flatten(output, names.apply(input));
        }
    }

    /**
     * A map from the values of each example: (N, channels · H · W) → (N, channels, H, W).
     *
     * @param output (N, channels, H, W)
     * @param input (N, channels · H · W)
     * @param channels the number of channels
     * @param size the height and width
     */
    record Unflatten(Value output, Value input, int channels, Window.Pair size) implements Unary {
        @Override
        public Unflatten reading(UnaryOperator<Value> names) {
            return new Unflatten(output, names.apply(input), channels, size);
        }
    }

    /**
     * Two arrays side by side: (N, A) and (N, B) → (N, A + B).
     *
     * @param output (N, A + B)
     * @param first (N, A)
     * @param second (N, B)
     */
    record Concatenate(Value output, Value first, Value second) implements Operation {
        @Override
        public List<Value> operands() {
            return List.of(first, second);
        }

        @Override
        public Concatenate reading(UnaryOperator<Value> names) {
            return new Concatenate(output, names.apply(first), names.apply(second));
        }
    }

    /**
     * 1 at the place of each example's class, else 0.
     *
     * @param output float32, (N, classes)
     * @param input the classes, int32, (N)
     * @param classes the number of classes
     */
    record OneHot(Value output, Value input, int classes) implements Unary {
        @Override
        public OneHot reading(UnaryOperator<Value> names) {
            return new OneHot(output, names.apply(input), classes);
        }
    }

    /**
     * A sample of a normal distribution: mean + exp(exponent · logVariance) · noise.
     *
     * @param output (N, L)
     * @param mean (N, L)
     * @param logVariance (N, L)
     * @param noise standard normal values, (N, L)
     * @param exponent 0.5 for a sample of that variance
     */
    record Sample(Value output, Value mean, Value logVariance, Value noise, double exponent)
            implements Operation {
        @Override
        public List<Value> operands() {
            return List.of(mean, logVariance, noise);
        }

        @Override
        public Sample reading(UnaryOperator<Value> names) {
            return new Sample(
                    output,
                    names.apply(mean),
                    names.apply(logVariance),
                    names.apply(noise),
                    exponent);
        }
    }

    /**
     * Every step-th row and column, the first included.
     *
     * @param output (N, C, ⌈H / step⌉, ⌈W / step⌉)
     * @param input (N, C, H, W)
     * @param step the step
     */
    record Subsample(Value output, Value input, int step) implements Unary {
        @Override
        public Subsample reading(UnaryOperator<Value> names) {
            return new Subsample(output, names.apply(input), step);
        }
    }

    /**
     * Channels of zeros before and after the input's.
     *
     * @param output (N, before + C + after, H, W)
     * @param input (N, C, H, W)
     * @param before how many come before
     * @param after how many come after
     */
    record PadChannels(Value output, Value input, int before, int after) implements Unary {
        @Override
        public PadChannels reading(UnaryOperator<Value> names) {
            return new PadChannels(output, names.apply(input), before, after);
        }
    }

    /**
     * Rows and columns of zeros around the input's.
     *
     * @param output (N, C, top + H + bottom, left + W + right)
     * @param input (N, C, H, W)
     * @param before how many rows and columns come before: top and left
     * @param after how many come after: bottom and right
     */
    record PadMap(Value output, Value input, Window.Pair before, Window.Pair after)
            implements Unary {
        @Override
        public PadMap reading(UnaryOperator<Value> names) {
            return new PadMap(output, names.apply(input), before, after);
        }
    }

    /**
     * The matrix of a convolution whose every position sees the whole map: from the taps that meet
     * the map.
     *
     * @param output (H' · W' · out, H · W · C)
     * @param weight (out, C, height, width)
     * @param window kernel, stride and padding
     * @param size the map's height and width
     */
    record MapMatrix(Value output, Value weight, Window window, Window.Pair size)
            implements Operation {
        @Override
        public List<Value> operands() {
            return List.of(weight);
        }

        @Override
        public MapMatrix reading(UnaryOperator<Value> names) {
            return new MapMatrix(output, names.apply(weight), window, size);
        }
    }

    /**
     * A product of whole maps with a {@link MapMatrix}: (N, C, H, W) → (N, out, H', W').
     *
     * @param output the output
     * @param input the map
     * @param matrix (H' · W' · out, H · W · C)
     * @param bias (out), or null
     * @param result the output's height and width
     */
    record MapProduct(Value output, Value input, Value matrix, Value bias, Window.Pair result)
            implements Operation {
        @Override
        public List<Value> operands() {
            return present(input, matrix, bias);
        }

        @Override
        public MapProduct reading(UnaryOperator<Value> names) {
            return new MapProduct(
                    output, names.apply(input), names.apply(matrix), or(bias, names), result);
        }
    }

    /**
     * A copy in another floating-point type.
     *
     * @param output an array of the input's shape
     * @param input any shape
     * @param precision the type
     */
    record Cast(Value output, Value input, Precision precision) implements Unary {
        @Override
        public Cast reading(UnaryOperator<Value> names) {
            return new Cast(output, names.apply(input), precision);
        }
    }

    /**
     * For evaluation: a convolution, transposed or not, or product of whole maps, the batch
     * normalization after it, the addition of a shortcut and an activation in one.
     *
     * @param output (N, out, H', W')
     * @param product a {@link Convolution}, {@link MapProduct} or {@link TransposedConvolution}
     * @param norm the batch normalization, or null
     * @param added what is added, of the output's shape, or null
     * @param activation what follows
     * @param inPlace whether the output overwrites what is added
     */
    record Fused(
            Value output,
            Operation product,
            BatchNorm norm,
            Value added,
            Activation activation,
            boolean inPlace)
            implements Operation {

        /** An activation that a fused operation ends with. */
        public enum Activation {
            /** None. */
            NONE,
            /** {@link Relu}. */
            RELU,
            /** {@link Gelu}. */
            GELU
        }

        @Override
        public List<Value> operands() {
            List<Value> operands = new ArrayList<>(product.operands());
            if (norm != null) {
                operands.addAll(norm.operands().subList(1, 5));
            }
            if (added != null) {
                operands.add(added);
            }
            return operands;
        }

        @Override
        public Fused reading(UnaryOperator<Value> names) {
            return new Fused(
                    output, product.reading(names), norm, or(added, names), activation, inPlace);
        }
    }

    private static Value or(Value optional, UnaryOperator<Value> names) {
        return optional == null ? null : names.apply(optional);
    }

    private static List<Value> present(Value... values) {
        return Stream.of(values).filter(Objects::nonNull).toList();
    }
}
