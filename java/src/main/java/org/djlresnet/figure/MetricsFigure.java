package org.djlresnet.figure;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.djlresnet.AtomicFile;
import org.djlresnet.UserException;
import tech.tablesaw.api.Table;
import tech.tablesaw.plotly.components.Axis;
import tech.tablesaw.plotly.components.Config;
import tech.tablesaw.plotly.components.Figure;
import tech.tablesaw.plotly.components.Grid;
import tech.tablesaw.plotly.components.Layout;
import tech.tablesaw.plotly.components.Line;
import tech.tablesaw.plotly.components.Line.Dash;
import tech.tablesaw.plotly.components.Margin;
import tech.tablesaw.plotly.components.Page;
import tech.tablesaw.plotly.components.TickSettings;
import tech.tablesaw.plotly.traces.ScatterTrace;

/**
 * Loss and accuracy over the epochs, as a web page that needs no network.
 *
 * <p>The losses are above, the accuracies below; of autoencoders, ELBO above, reconstruction and KL
 * divergence below. One run has a colour for each part of the data, several have one colour each;
 * training is dashed. The Matplotlib figure uses the same code.
 */
public final class MetricsFigure {

    private static final String SCRIPT_PLACE = "PLOTLY_SCRIPT_PLACE";
    private static final int MOST_TICKS = 10;

    private static final String TRAIN = "train_";
    private static final String AVERAGE = "_average_";
    private static final String ELBO = "_elbo";

    /** Matplotlib's first ten. */
    private static final List<String> COLOURS =
            List.of(
                    "#1f77b4", "#ff7f0e", "#2ca02c", "#d62728", "#9467bd", "#8c564b", "#e377c2",
                    "#7f7f7f", "#bcbd22", "#17becf");

    private MetricsFigure() {}

    /**
     * Writes the page, including Plotly's script.
     *
     * @param html the file, which is replaced if it exists
     * @param metricsCsv one or more {@code metrics.csv} files
     * @param labels a label for each run, used if there are several
     * @throws UserException if a table is missing, empty or malformed, or the numbers of tables and
     *     labels differ
     * @throws IOException if the page cannot be written
     */
    public static void write(Path html, List<Path> metricsCsv, List<String> labels)
            throws IOException {
        AtomicFile.write(html, page(of(metricsCsv, labels)));
    }

    /**
     * Returns the figure, for example for a notebook.
     *
     * @param metricsCsv one or more {@code metrics.csv} files
     * @param labels a label for each run, used if there are several
     * @return the figure
     * @throws UserException as {@link #write}
     */
    public static Figure of(List<Path> metricsCsv, List<String> labels) {
        if (metricsCsv.isEmpty() || metricsCsv.size() != labels.size()) {
            throw UserException.of(
                    "A figure needs a label for each table. Received: %s tables and %s "
                            + "labels.",
                    metricsCsv.size(), labels.size());
        }
        List<ScatterTrace> traces = new ArrayList<>();
        double lastEpoch = 1;
        int autoencoders = 0;
        for (int run = 0; run < metricsCsv.size(); run++) {
            Table table = MetricsTable.read(metricsCsv.get(run));
            lastEpoch = Math.max(lastEpoch, table.doubleColumn("epoch").max());
            autoencoders += isAutoencoder(table) ? 1 : 0;
            boolean several = metricsCsv.size() > 1;
            String prefix = several ? labels.get(run) + ": " : "";
            for (String column : curves(table)) {
                int curve = column.startsWith(TRAIN) ? 0 : column.contains(AVERAGE) ? 2 : 1;
                int colour = several ? run : curve;
                traces.add(trace(table, column, COLOURS.get(colour % COLOURS.size()), prefix));
            }
        }
        return figure(traces, lastEpoch, metricsCsv.size(), titles(autoencoders, labels.size()));
    }

    private static boolean isAutoencoder(Table table) {
        return table.containsColumn("train" + ELBO);
    }

    /** Returns the titles of the figure, of the upper axis and of the lower one. */
    private static List<String> titles(int autoencoders, int runs) {
        if (autoencoders == 0) {
            return List.of("Loss and accuracy", "Loss", "Accuracy");
        }
        return autoencoders == runs
                ? List.of(
                        "ELBO, reconstruction and KL divergence in nats per image",
                        "ELBO",
                        "Reconstruction and KL divergence")
                : List.of("Metrics", "Loss or ELBO", "Other metrics");
    }

    private static List<String> curves(Table table) {
        return table.columnNames().stream()
                .filter(name -> name.matches("(train|validation|test)_.*"))
                .filter(name -> !name.equals("validation_seconds"))
                // an autoencoder's loss is −ELBO or close to it, and its error has another unit
                .filter(name -> !isAutoencoder(table) || !name.matches(".*_(loss|mse)"))
                .toList();
    }

    private static ScatterTrace trace(Table table, String column, String colour, String prefix) {
        // A single epoch has no line to draw
        boolean single = table.rowCount() == 1;
        Dash others = column.contains(AVERAGE) ? Dash.DOT : Dash.SOLID;
        Dash dash = column.startsWith(TRAIN) ? Dash.DASH : others;
        return ScatterTrace.builder(table.column("epoch"), table.column(column))
                .mode(single ? ScatterTrace.Mode.LINE_AND_MARKERS : ScatterTrace.Mode.LINE)
                .name(escaped(prefix + column.replace('_', ' ')))
                .line(Line.builder().color(colour).dash(dash).build())
                .yAxis(column.endsWith("_loss") || column.endsWith(ELBO) ? "y" : "y2")
                .build();
    }

    private static Figure figure(
            List<ScatterTrace> traces, double lastEpoch, int runs, List<String> titles) {
        TickSettings whole =
                TickSettings.builder()
                        .tickMode(TickSettings.TickMode.LINEAR)
                        .tick0(0)
                        .dTick((long) Math.ceil(lastEpoch / MOST_TICKS))
                        .build();
        Layout layout =
                Layout.builder(titles.get(0), "Epoch")
                        // Labels of several runs need room next to the curves
                        .width(runs == 1 ? 900 : 1200)
                        .height(720)
                        .margin(Margin.builder().left(60).right(20).top(60).bottom(60).build())
                        .showLegend(true)
                        .xAxis(
                                Axis.builder()
                                        .title("Epoch")
                                        .type(Axis.Type.LINEAR)
                                        .tickSettings(whole)
                                        .build())
                        // Tablesaw writes an axis's domain in the language of the machine
                        .grid(
                                Grid.builder()
                                        .rows(2)
                                        .columns(1)
                                        .pattern(Grid.Pattern.COUPLED)
                                        .build())
                        .yAxis(Axis.builder().title(titles.get(1)).type(Axis.Type.LINEAR).build())
                        .yAxis2(Axis.builder().title(titles.get(2)).type(Axis.Type.LINEAR).build())
                        .build();
        Config config = Config.builder().displayLogo(false).build();
        return new Figure(layout, config, traces.toArray(new ScatterTrace[0]));
    }

    private static String page(Figure figure) {
        String page =
                Page.pageBuilder(figure, "metrics")
                        .plotlyJsLocation(SCRIPT_PLACE)
                        .build()
                        .asJavascript();
        return page.replace(
                "<script src=\"" + SCRIPT_PLACE + "\"></script>",
                "<script>" + PlotlyScript.text() + "</script>");
    }

    /**
     * Escapes what would end a JavaScript string, which Tablesaw does not. Plotly does not know the
     * HTML entity of a double quote.
     */
    private static String escaped(String text) {
        return text.replaceAll("[\\p{Cntrl}\\u2028\\u2029]", " ")
                .replace("\\", "\\\\")
                .replace("\"", "\\x22");
    }
}
