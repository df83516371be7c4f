package org.djlresnet.figure;

import java.nio.file.Path;
import java.util.List;

/** Stand-in until the figure lands. */
public final class MetricsFigure {
    private MetricsFigure() {}

    /**
     * Writes.
     *
     * @param html x
     * @param csv x
     * @param labels x
     */
    public static void write(Path html, List<Path> csv, List<String> labels) {}
}
