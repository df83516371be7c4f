package org.djlresnet.figure;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.djlresnet.UserException;
import tech.tablesaw.api.ColumnType;
import tech.tablesaw.api.Table;
import tech.tablesaw.io.csv.CsvReadOptions;

/** Reads a run's {@code metrics.csv} into a Tablesaw table. */
final class MetricsTable {

    private static final List<String> NEEDED = List.of("epoch", "train_loss");

    private MetricsTable() {}

    /**
     * Reads a table.
     *
     * @param file a {@code metrics.csv}
     * @return one row per epoch, with columns of numbers; a blank cell is a missing value
     * @throws UserException if the file is missing, empty, or not such a table
     */
    static Table read(Path file) {
        if (!Files.isRegularFile(file)) {
            throw new UserException(
                    file + (Files.exists(file) ? " is not a file." : " does not exist."));
        }
        if (file.toFile().length() == 0) {
            throw empty(file);
        }
        Table table;
        try {
            CsvReadOptions options =
                    CsvReadOptions.builder(file.toFile())
                            .columnTypes(column -> ColumnType.DOUBLE)
                            .tableName("metrics")
                            .build();
            table = Table.read().csv(options);
        } catch (RuntimeException e) {
            throw malformed(file, String.valueOf(e.getMessage()).lines().findFirst().orElse(""), e);
        }
        for (String name : NEEDED) {
            if (!table.columnNames().contains(name)) {
                throw malformed(
                        file,
                        "the column '%s' is missing. Received: %s"
                                .formatted(name, String.join(", ", table.columnNames())),
                        null);
            }
        }
        if (table.isEmpty()) {
            throw empty(file);
        }
        return table;
    }

    private static UserException empty(Path file) {
        return new UserException(
                file + " has no completed epoch yet. Wait until the run completes one.");
    }

    private static UserException malformed(Path file, String reason, RuntimeException cause) {
        return new UserException(file + " is not a table of metrics: " + reason + ".", cause);
    }
}
