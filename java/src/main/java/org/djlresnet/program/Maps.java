package org.djlresnet.program;

import static org.djlresnet.program.Code.call;

import java.util.List;
import org.djlresnet.graph.Operation.Concatenate;
import org.djlresnet.graph.Operation.OneHot;
import org.djlresnet.graph.Operation.PadMap;
import org.djlresnet.graph.Operation.Unflatten;
import org.djlresnet.graph.Window;

/** Expressions for maps (N, C, H, W) as rows (N, H · W · C), and back. */
final class Maps {

    private Maps() {}

    static String rows(String map) {
        return call("flatten", call("permute", map, "[0, 2, 3, 1]"), 1);
    }

    static String map(String rows, Window.Pair size) {
        String channels = call("floordiv", call("size", rows, 1), size.height() * size.width());
        return map(rows, "" + size.height(), "" + size.width(), channels);
    }

    /** Gives rows the shape of another map. */
    static String like(String rows, String map) {
        return map(rows, call("size", map, 2), call("size", map, 3), call("size", map, 1));
    }

    private static String map(String rows, String height, String width, String channels) {
        String shape = "[-1, " + height + ", " + width + ", " + channels + "]";
        return call("permute", call("reshape", rows, shape), "[0, 3, 1, 2]");
    }

    /**
     * A copy of a weight whose memory has the channels last. Even with one channel its strides say
     * so, by which ATen chooses the order of what it computes.
     */
    static String channelsLast(String weight) {
        String copy = call("clone", call("permute", weight, "[0, 2, 3, 1]"), "memory_format=0");
        return call("permute", copy, "[0, 3, 1, 2]");
    }

    /**
     * Multiplies rows by the transpose of a matrix and adds a bias. oneDNN uses all of AVX-512,
     * where the matrix product of libtorch's other library stops at AVX2 on AMD's processors.
     *
     * @param oneDnn whether to use oneDNN, which has float32 and bfloat16 only
     */
    static String product(String rows, String matrix, String bias, boolean oneDnn) {
        return oneDnn
                ? "ops.mkldnn._linear_pointwise(%s, %s, %s, \"none\", [], \"\")"
                        .formatted(rows, matrix, bias)
                : call("linear", rows, matrix, bias);
    }

    /** Zeros around a map. */
    static String padded(String map, PadMap pad) {
        List<Integer> sides =
                List.of(
                        pad.before().width(),
                        pad.after().width(),
                        pad.before().height(),
                        pad.after().height());
        return call("constant_pad_nd", map, sides, 0);
    }

    /** A map from the values of each example, with the channels last in memory. */
    static String unflattened(String rows, Unflatten u) {
        String shape =
                "[-1, %s, %s, %s]".formatted(u.channels(), u.size().height(), u.size().width());
        return call("contiguous", call("reshape", rows, shape), "memory_format=2");
    }

    static String concatenated(Code code, Concatenate c) {
        return call("cat", "[" + code.of(c.first()) + ", " + code.of(c.second()) + "]", 1);
    }

    static String oneHot(String labels, OneHot h) {
        return call("to", call("one_hot", call("to", labels, 4), h.classes()), 6);
    }

    /** Every step-th row and column. */
    static String subsample(String map, int step) {
        String end = String.valueOf(Long.MAX_VALUE);
        return call("slice", call("slice", map, 2, 0, end, step), 3, 0, end, step);
    }
}
