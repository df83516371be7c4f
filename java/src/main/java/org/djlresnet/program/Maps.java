package org.djlresnet.program;

import static org.djlresnet.program.Code.call;

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

    /** Every step-th row and column. */
    static String subsample(String map, int step) {
        String end = String.valueOf(Long.MAX_VALUE);
        return call("slice", call("slice", map, 2, 0, end, step), 3, 0, end, step);
    }
}
