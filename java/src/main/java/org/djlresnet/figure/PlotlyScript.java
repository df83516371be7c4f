package org.djlresnet.figure;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;

/** Plotly's script, which comes with our jar, so that figures draw without a network. */
final class PlotlyScript {

    private static final String NAME = "plotly-basic.min.js";

    private PlotlyScript() {}

    static String text() {
        try (InputStream in = PlotlyScript.class.getResourceAsStream(NAME)) {
            if (in == null) {
                throw new IllegalStateException(
                        "The resource " + NAME + " is missing; build with Maven");
            }
            // The default place of maps, which no line plot asks for: the page shall name no server
            return new String(in.readAllBytes(), StandardCharsets.UTF_8)
                    .replace("https://cdn.plot.ly/", "");
        } catch (IOException unreadable) {
            throw new UncheckedIOException(unreadable);
        }
    }
}
