package org.djlresnet.figure;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.djlresnet.AtomicFile;
import org.djlresnet.UserException;
import tech.tablesaw.api.Table;
import tech.tablesaw.plotly.components.Axis;
import tech.tablesaw.plotly.components.Config;
import tech.tablesaw.plotly.components.Figure;
import tech.tablesaw.plotly.components.Layout;
import tech.tablesaw.plotly.components.Line;
import tech.tablesaw.plotly.components.Line.Dash;
import tech.tablesaw.plotly.components.Margin;
import tech.tablesaw.plotly.components.Page;
import tech.tablesaw.plotly.components.TickSettings;
import tech.tablesaw.plotly.traces.ScatterTrace;

/**
 * The chapter's figure, loss and accuracy over the epochs, as a web page that needs no network.
 *
 * <p>Each metric has a colour, each run a dash pattern.
 */
public final class MetricsFigure {

    private static final String SCRIPT_PLACE = "PLOTLY_SCRIPT_PLACE";
    private static final int MOST_TICKS = 10;

    private static final String TRAIN_LOSS = "train_loss";
    private static final List<String> COLOURS = List.of("#1f77b4", "#ff7f0e", "#2ca02c", "#d62728");

    private MetricsFigure() {}

    /**
     * Writes the page, including Plotly's script.
     *
     * @param html the page; an existing file is replaced
     * @param metricsCsv one or more {@code metrics.csv} files
     * @param labels one label per run; used if there are several runs
     * @throws UserException if a table is missing, empty or malformed, or the numbers of tables and
     *     labels differ
     * @throws IOException if the page cannot be written
     */
    public static void write(Path html, List<Path> metricsCsv, List<String> labels)
            throws IOException {
        AtomicFile.write(html, page(of(metricsCsv, labels)));
    }

    /**
     * Draws the figure, for example for a notebook.
     *
     * @param metricsCsv one or more {@code metrics.csv} files
     * @param labels one label per run; used if there are several runs
     * @return the figure
     * @throws UserException as {@link #write}
     */
    public static Figure of(List<Path> metricsCsv, List<String> labels) {
        if (metricsCsv.isEmpty() || metricsCsv.size() != labels.size()) {
            throw new UserException(
                    ("A figure needs at least one table, and a label for each. Received: %s tables"
                                    + " and %s labels.")
                            .formatted(metricsCsv.size(), labels.size()));
        }
        List<ScatterTrace> traces = new ArrayList<>();
        double lastEpoch = 1;
        for (int run = 0; run < metricsCsv.size(); run++) {
            Table table = MetricsTable.read(metricsCsv.get(run));
            lastEpoch = Math.max(lastEpoch, table.doubleColumn("epoch").max());
            String prefix = metricsCsv.size() == 1 ? "" : labels.get(run) + ": ";
            List<String> curves = curves(table);
            for (int i = 0; i < curves.size(); i++) {
                traces.add(
                        trace(table, curves.get(i), COLOURS.get(i % COLOURS.size()), prefix, run));
            }
        }
        return figure(traces, lastEpoch, metricsCsv.size());
    }

    /** The training loss and all metrics except losses; all losses if there are no others. */
    private static List<String> curves(Table table) {
        List<String> metrics =
                table.columnNames().stream()
                        .filter(name -> name.matches("(train|validation|test)_.*"))
                        .filter(name -> !name.equals("validation_seconds"))
                        .toList();
        List<String> others = metrics.stream().filter(name -> !name.endsWith("_loss")).toList();
        return others.isEmpty()
                ? metrics
                : Stream.concat(Stream.of(TRAIN_LOSS), others.stream()).toList();
    }

    private static ScatterTrace trace(
            Table table, String column, String colour, String prefix, int run) {
        // A single epoch draws no line
        boolean single = table.rowCount() == 1;
        Dash[] dashes = Dash.values();
        Line line = Line.builder().color(colour).dash(dashes[run % dashes.length]).build();
        return ScatterTrace.builder(table.column("epoch"), table.column(column))
                .mode(single ? ScatterTrace.Mode.LINE_AND_MARKERS : ScatterTrace.Mode.LINE)
                .name(escaped(prefix + column.replace('_', ' ')))
                .line(line)
                .build();
    }

    private static Figure figure(List<ScatterTrace> traces, double lastEpoch, int runs) {
        TickSettings whole =
                TickSettings.builder()
                        .tickMode(TickSettings.TickMode.LINEAR)
                        .tick0(0)
                        .dTick((long) Math.ceil(lastEpoch / MOST_TICKS))
                        .build();
        Layout layout =
                Layout.builder("Training", "epoch")
                        // The labels of several runs need more room beside the curves
                        .width(runs == 1 ? 900 : 1200)
                        .height(560)
                        .margin(Margin.builder().left(60).right(20).top(60).bottom(60).build())
                        .showLegend(true)
                        .xAxis(
                                Axis.builder()
                                        .title("epoch")
                                        .type(Axis.Type.LINEAR)
                                        .tickSettings(whole)
                                        .build())
                        .yAxis(
                                Axis.builder()
                                        .title("loss, accuracy")
                                        .type(Axis.Type.LINEAR)
                                        .build())
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
