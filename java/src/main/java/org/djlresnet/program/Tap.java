package org.djlresnet.program;

import static org.djlresnet.program.Code.call;

import java.util.ArrayList;
import java.util.List;
import org.djlresnet.graph.Operation.MapMatrix;
import org.djlresnet.graph.Window;

/**
 * A tap of a convolution's kernel.
 *
 * @param row its row in the kernel
 * @param column its column in the kernel
 */
record Tap(int row, int column) {

    /**
     * Finds which tap meets which input position, for a window that sees the whole map everywhere.
     *
     * @return for each output position the taps over all input positions, both row by row
     */
    static List<List<Tap>> of(Window window, Window.Pair size) {
        Window.Pair result = window.over(size);
        List<List<Tap>> rows = new ArrayList<>();
        for (int y = 0; y < result.height(); y++) {
            for (int x = 0; x < result.width(); x++) {
                int top = y * window.stride().height() - window.padding().height();
                int left = x * window.stride().width() - window.padding().width();
                List<Tap> taps = new ArrayList<>();
                for (int row = 0; row < size.height(); row++) {
                    for (int column = 0; column < size.width(); column++) {
                        taps.add(new Tap(row - top, column - left));
                    }
                }
                rows.add(taps);
            }
        }
        return rows;
    }

    /**
     * Joins the taps to the matrix that multiplies whole maps.
     *
     * @param taps the variable of a weight in the order (height, width, out, in)
     * @return an expression: (H' · W' · out, H · W · in)
     */
    static String matrix(MapMatrix m, String taps) {
        List<String> rows = new ArrayList<>();
        for (List<Tap> row : of(m.window(), m.size())) {
            List<String> blocks = row.stream().map(tap -> tap.select(taps)).toList();
            rows.add(blocks.size() == 1 ? blocks.get(0) : call("cat", blocks, 1));
        }
        return rows.size() == 1 ? rows.get(0) : call("cat", rows, 0);
    }

    /** Selects this tap's matrix, (out, in). */
    String select(String taps) {
        return call("select", call("select", taps, 0, row), 0, column);
    }
}
