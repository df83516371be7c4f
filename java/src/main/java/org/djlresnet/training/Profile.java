package org.djlresnet.training;

import com.google.gson.Gson;
import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;

/**
 * Where the time of a training step goes.
 *
 * @param steps the number of steps that the times are means of
 * @param rows the parts and tasks in the order of a step
 */
public record Profile(long steps, List<Row> rows) {

    /** The first line of {@code profile.csv}. */
    public static final String CSV_HEADER = "part,forward_ms,backward_ms,total_ms,share";

    /**
     * The time of a part, or of a task.
     *
     * @param name a part of the network, loss, data, optimizer or bookkeeping
     * @param forward milliseconds a step; null for what has no two passes
     * @param backward milliseconds a step; null for what has no two passes
     * @param total milliseconds a step
     * @param share of the whole step, 0 to 1
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
     * Writes the times as {@code profile.csv}.
     *
     * @return the lines
     */
    String toCsv() {
        Stream<String> lines = Stream.concat(Stream.of(CSV_HEADER), rows.stream().map(Row::toCsv));
        return String.join("\n", lines.toList()) + "\n";
    }

    /**
     * Writes the times as JSON.
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
        return new Gson().newBuilder().serializeNulls().create().toJson(json);
    }
}
