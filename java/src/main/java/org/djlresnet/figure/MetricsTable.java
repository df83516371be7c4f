package org.djlresnet.figure;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.djlresnet.UserException;
import tech.tablesaw.api.ColumnType;
import tech.tablesaw.api.DoubleColumn;
import tech.tablesaw.api.Table;
import tech.tablesaw.io.csv.CsvReadOptions;

/** Reads a run's {@code metrics.csv} into a Tablesaw table. */
final class MetricsTable {

    private static final List<String> NEEDED = List.of("epoch", "train_loss");
    private static final long LARGEST = 64 << 20;

    private MetricsTable() {}

    /**
     * @param file a {@code metrics.csv}
     * @return one row an epoch, every column of numbers; a blank cell is a missing value
     * @throws UserException if the file is missing, empty, or not such a table
     */
    static Table read(Path file) {
        if (!Files.isRegularFile(file)) {
            throw new UserException(
                    file + (Files.exists(file) ? ": not a regular file" : ": no such file"));
        }
        if (file.toFile().length() == 0) {
            throw new UserException(file + ": an empty file; let the run finish an epoch");
        }
        if (file.toFile().length() > LARGEST) {
            throw new UserException(
                    "%s: no table of metrics: larger than %d bytes".formatted(file, LARGEST));
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
            throw new UserException(
                    "%s: not a table of metrics: %s".formatted(file, firstLine(e)), e);
        }
        for (String name : NEEDED) {
            if (!table.columnNames().contains(name)) {
                throw new UserException(
                        "%s: not a table of metrics: the column \"%s\" is missing; it has %s"
                                .formatted(file, name, table.columnNames()));
            }
        }
        if (table.isEmpty()) {
            throw new UserException(file + ": holds no epoch yet; let the run finish one");
        }
        checkEpochs(file, table.doubleColumn("epoch"));
        return table;
    }

    private static void checkEpochs(Path file, DoubleColumn epochs) {
        double last = 0;
        for (double epoch : epochs) {
            if (!(epoch > last) || epoch != Math.rint(epoch)) {
                throw new UserException(
                        "%s: not a table of metrics: the epochs must be rising integers from 1,"
                                        .formatted(file)
                                + " received %s after %s".formatted(epoch, last));
            }
            last = epoch;
        }
    }

    private static String firstLine(RuntimeException e) {
        return String.valueOf(e.getMessage()).lines().findFirst().orElse("");
    }
}
