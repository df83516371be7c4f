package org.djlresnet.figure;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.djlresnet.UserException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class MetricsFigureTest {

    private static final String HEADER =
            "epoch,step,seconds,validation_seconds,examples_per_second,lr,train_loss,"
                    + "train_accuracy,test_loss,test_accuracy\n";
    private static final String ROWS =
            "1,235,70.5,4,851.1,0.05,0.75,0.8125,0.6,0.7\n2,470,70.5,4,851.1,0.05,0.5,0.875,,\n";

    @TempDir Path dir;

    private Path csv(String name, String content) throws IOException {
        return Files.writeString(dir.resolve(name), content);
    }

    /** The page without Plotly's script. */
    private String figure(List<Path> tables, List<String> labels) throws IOException {
        Path html = dir.resolve("metrics.html");
        MetricsFigure.write(html, tables, labels);
        String page = Files.readString(html);
        return page.substring(page.indexOf("<div id='metrics'"));
    }

    private static List<String> all(String pattern, String text) {
        List<String> found = new ArrayList<>();
        Matcher matcher = Pattern.compile(pattern, Pattern.MULTILINE).matcher(text);
        while (matcher.find()) {
            found.add(matcher.group(1));
        }
        return found;
    }

    @Test
    void drawsLossesAboveAccuracies() throws IOException {
        String figure = figure(List.of(csv("a.csv", HEADER + ROWS)), List.of("unused"));
        assertEquals(
                List.of("train loss", "train accuracy", "test loss", "test accuracy"),
                all("^name: '(.*)',", figure));
        assertEquals(List.of("y", "y2", "y", "y2"), all("^yaxis: '(.*)',$", figure));
        assertEquals(
                List.of("Loss and accuracy", "Epoch", "Loss", "Accuracy"),
                all("^    title: '(.*)',$", figure));
        String x = "[\"1.0\",\"2.0\"]";
        assertEquals(List.of(x, x, x, x), all("^x: (.*),$", figure));
        List<String> y = all("^y: (.*),$", figure);
        assertEquals("[\"0.75\",\"0.5\"]", y.get(0));
        assertEquals("[\"0.8125\",\"0.875\"]", y.get(1));
        // Plotly leaves a gap where there is no number
        assertTrue(y.get(3).matches("\\[\"0.7\",\"(NaN|null)?\"\\]"), y.get(3));
        assertEquals(List.of("lines", "lines", "lines", "lines"), all("^mode: '(.*)',", figure));
        assertEquals(List.of("1"), all("dtick: '(.*)',", figure));
    }

    @Test
    void drawsTheMetricsOfAutoencoders() throws IOException {
        String header =
                "epoch,step,seconds,validation_seconds,examples_per_second,lr,train_loss,train_elbo,"
                        + "train_reconstruction,train_kl,train_mse\n";
        Path vae = csv("vae.csv", header + "1,9,2.5,1,80,0.001,-40,41,-60,19,0.02\n");
        String figure = figure(List.of(vae), List.of("unused"));
        assertEquals(
                List.of("train elbo", "train reconstruction", "train kl"),
                all("^name: '(.*)',", figure));
        assertEquals(List.of("y", "y2", "y2"), all("^yaxis: '(.*)',$", figure));
        List<String> titles = all("^    title: '(.*)',$", figure);
        assertEquals(
                List.of("Epoch", "ELBO", "Reconstruction and KL divergence"),
                titles.subList(1, titles.size()));
        String both = figure(List.of(vae, csv("a.csv", HEADER + ROWS)), List.of("one", "two"));
        assertEquals(
                List.of("Metrics", "Epoch", "Loss or ELBO", "Other metrics"),
                all("^    title: '(.*)',$", both));
    }

    @Test
    void distinguishesRunsByColourAndTrainingByDash() throws IOException {
        Path a = csv("a.csv", HEADER + ROWS);
        String figure = figure(List.of(a, a), List.of("one", "two"));
        assertEquals(
                List.of(
                        "one: train loss",
                        "one: train accuracy",
                        "one: test loss",
                        "one: test accuracy",
                        "two: train loss",
                        "two: train accuracy",
                        "two: test loss",
                        "two: test accuracy"),
                all("^name: '(.*)',", figure));
        assertEquals(
                List.of("dash", "dash", "solid", "solid", "dash", "dash", "solid", "solid"),
                all("\"dash\" ?: ?\"(.*?)\"", figure));
        assertEquals(
                List.of("#1f77b4", "#ff7f0e"),
                all("\"color\" ?: ?\"(.*?)\"", figure).stream().distinct().toList());
    }

    @Test
    void drawsFewTicksForManyEpochs() throws IOException {
        StringBuilder rows = new StringBuilder(HEADER);
        for (int epoch = 1; epoch <= 37; epoch++) {
            rows.append(epoch).append(",1,1,1,1,1,1,1,1,1\n");
        }
        String figure = figure(List.of(csv("a.csv", rows.toString())), List.of("x"));
        assertEquals(List.of("4"), all("dtick: '(.*)',", figure));
    }

    @Test
    void drawsSingleEpochAsPoint() throws IOException {
        String one = HEADER + ROWS.substring(0, ROWS.indexOf('\n') + 1);
        String figure = figure(List.of(csv("a.csv", one)), List.of("x"));
        assertEquals("lines+markers", all("^mode: '(.*)',", figure).get(0));
    }

    @Test
    void pageNeedsNoServer() throws IOException {
        Path html = dir.resolve("metrics.html");
        MetricsFigure.write(html, List.of(csv("a.csv", HEADER + ROWS)), List.of("x"));
        String page = Files.readString(html);
        assertTrue(page.contains("plotly.js (basic - minified) v1.54.1"));
        assertFalse(page.contains("cdn."));
        assertEquals(List.of(), all("(<script[^>]+src)", page));
        assertEquals(List.of(), all("(<link)", page));
    }

    @Test
    void escapesLabels() throws IOException {
        Path a = csv("a.csv", HEADER + ROWS);
        String figure = figure(List.of(a, a), List.of("</script><b>it's\n\u2028\\", "\"<!--"));
        assertEquals(1, all("(</script>)", figure).size());
        assertFalse(figure.contains("<b>") || figure.contains("<!--"));
        List<String> names = all("^name: '(.*)',$", figure);
        assertEquals("&lt;/script&gt;&lt;b&gt;it&#39;s  \\\\: train loss", names.get(0));
        assertEquals("\\x22&lt;!--: train loss", names.get(4));
    }

    private void assertRejected(Path table, String reason) {
        Path html = dir.resolve("bad.html");
        UserException e =
                assertThrows(
                        UserException.class,
                        () -> MetricsFigure.write(html, List.of(table), List.of("x")));
        assertTrue(e.getMessage().startsWith(table + " "), e.getMessage());
        assertTrue(e.getMessage().contains(reason), e.getMessage());
        assertFalse(Files.exists(html));
    }

    @Test
    void rejectsOtherFiles() throws IOException {
        assertRejected(dir.resolve("none.csv"), "does not exist.");
        assertRejected(dir, "is not a file.");
        assertRejected(csv("empty.csv", ""), "has no completed epoch yet.");
        assertRejected(csv("header.csv", HEADER), "has no completed epoch yet.");
        assertRejected(
                csv("other.csv", "epoch,loss\n1,2\n"),
                "the column 'train_loss' is missing. Received: epoch, loss.");
        assertRejected(csv("text.csv", HEADER + ROWS.replace("0.75", "much")), "not a table");
        assertRejected(csv("ragged.csv", HEADER + ROWS + "3,705\n"), "not a table");
    }

    @Test
    void rejectsMissingLabels() throws IOException {
        Path a = csv("a.csv", HEADER + ROWS);
        Path html = dir.resolve("bad.html");
        assertThrows(
                UserException.class,
                () -> MetricsFigure.write(html, List.of(a, a), List.of("one")));
        assertThrows(UserException.class, () -> MetricsFigure.write(html, List.of(), List.of()));
    }
}
