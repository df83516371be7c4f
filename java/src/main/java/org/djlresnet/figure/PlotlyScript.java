package org.djlresnet.figure;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;

/** Plotly's script, which is in our jar so that figures need no network. */
final class PlotlyScript {

    private static final String NAME = "plotly-basic.min.js";

    private PlotlyScript() {}

    static String text() {
        try (InputStream in = PlotlyScript.class.getResourceAsStream(NAME)) {
            if (in == null) {
                throw new IllegalStateException(
                        "The resource " + NAME + " is missing. Build with Maven.");
            }
            // The page must not name a server; only maps, which we do not draw, use this one
            return new String(in.readAllBytes(), StandardCharsets.UTF_8)
                    .replace("https://cdn.plot.ly/", "");
        } catch (IOException unreadable) {
            throw new UncheckedIOException(unreadable);
        }
    }
}
