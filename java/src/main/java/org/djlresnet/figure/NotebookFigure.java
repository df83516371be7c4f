package org.djlresnet.figure;

import java.util.UUID;
import tech.tablesaw.plotly.components.Figure;

/** A Tablesaw figure for a notebook, which needs no network. */
public final class NotebookFigure {

    private NotebookFigure() {}

    /**
     * Returns a figure as HTML, including Plotly's script.
     *
     * @param figure the figure
     * @return HTML for a cell output of type {@code text/html}
     */
    public static String html(Figure figure) {
        String id = "figure_" + UUID.randomUUID().toString().replace("-", "");
        // On a page with a module loader, Plotly would not become a global name
        return "<div id=\""
                + id
                + "\"></div>\n<script>if (!window.Plotly) (function (exports, module, define) {"
                + PlotlyScript.text()
                + "}).call(window);</script>\n"
                + figure.asJavascript(id).strip();
    }
}
