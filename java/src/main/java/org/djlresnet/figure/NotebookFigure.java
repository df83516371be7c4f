package org.djlresnet.figure;

import java.util.UUID;
import tech.tablesaw.plotly.components.Figure;

/** A Tablesaw figure as a part of a page, which draws itself in a notebook without a network. */
public final class NotebookFigure {

    private NotebookFigure() {}

    /**
     * Makes the part of a page, with Plotly's script in it.
     *
     * @param figure the figure
     * @return HTML for a notebook's output of type {@code text/html}
     */
    public static String html(Figure figure) {
        String id = "figure_" + UUID.randomUUID().toString().replace("-", "");
        // Where a page loads modules, Plotly would be one of them rather than a global name
        return "<div id=\""
                + id
                + "\"></div>\n<script>if (!window.Plotly) (function (exports, module, define) {"
                + PlotlyScript.text()
                + "}).call(window);</script>\n"
                + figure.asJavascript(id).strip();
    }
}
