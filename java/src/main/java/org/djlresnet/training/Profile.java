package org.djlresnet.training;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;

/**
 * The time of a training step by part of the network and by task.
 *
 * @param steps the number of steps over which the times are averaged
 * @param rows the parts and tasks in the order of a step
 */
public record Profile(long steps, List<Row> rows) {

    /** The first line of {@code profile.csv}. */
    public static final String CSV_HEADER = "part,forward_ms,backward_ms,total_ms,share";

    /**
     * The time of a part or a task.
     *
     * @param name a part of the network, loss, data, optimizer or bookkeeping
     * @param forward milliseconds per step in the forward pass; null for a task
     * @param backward milliseconds per step in the backward pass; null for a task
     * @param total milliseconds per step
     * @param share the share of the whole step, 0 to 1
     */
    public record Row(String name, Double forward, Double backward, double total, double share) {

        private String toCsv() {
            return String.format(
                    Locale.ROOT,
                    "%s,%s,%s,%.3f,%.4f",
                    name,
                    forward == null ? "" : String.format(Locale.ROOT, "%.3f", forward),
                    backward == null ? "" : String.format(Locale.ROOT, "%.3f", backward),
                    total,
                    share);
        }
    }

    /**
     * Formats the times as {@code profile.csv}.
     *
     * @return the lines
     */
    String toCsv() {
        Stream<String> lines = Stream.concat(Stream.of(CSV_HEADER), rows.stream().map(Row::toCsv));
        return String.join("\n", lines.toList()) + "\n";
    }

    /**
     * Formats the times as JSON.
     *
     * @return {@code {"steps", "rows": [{"part", "forward_ms", "backward_ms", "total_ms",
     *     "share"}]}}
     */
    public String toJson() {
        JsonObject json = new JsonObject();
        json.addProperty("steps", steps);
        JsonArray list = new JsonArray();
        for (Row row : rows) {
            JsonObject entry = new JsonObject();
            entry.addProperty("part", row.name());
            entry.addProperty("forward_ms", row.forward());
            entry.addProperty("backward_ms", row.backward());
            entry.addProperty("total_ms", row.total());
            entry.addProperty("share", row.share());
            list.add(entry);
        }
        json.add("rows", list);
        return json.toString();
    }
}
