package org.djlresnet.data;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.djlresnet.UserException;

/** Finds the files of a data set. */
final class DatasetFolder {

    private DatasetFolder() {}

    /**
     * Finds the first folder that holds all files.
     *
     * @param dataset the data set's name
     * @param folders the folders to search, in this order
     * @param needed the possible names of each file, the usual one first
     * @param advice the start of the advice if there is none, up to "--data-dir"
     * @return the paths of the files, in the order of {@code needed}
     * @throws UserException if there is none; the message lists what each folder lacks
     */
    static List<Path> find(
            String dataset, List<Path> folders, List<List<String>> needed, String advice) {
        List<String> searched = new ArrayList<>();
        for (Path folder : folders) {
            List<Path> files = needed.stream().map(names -> find(folder, names)).toList();
            if (files.stream().allMatch(Objects::nonNull)) {
                return files;
            }
            searched.add(folder.toAbsolutePath() + lack(folder, files, needed));
        }
        throw UserException.of(
                "The files of data set '%s' were not found. Needed: %s. Searched: %s. %s --data-dir to their folder.",
                dataset,
                String.join(", ", needed.stream().map(names -> names.get(0)).toList()),
                String.join("; ", searched),
                advice);
    }

    /**
     * Finds a file by its names.
     *
     * @return the first that is a regular file, else the first that exists, else null
     */
    static Path find(Path folder, List<String> names) {
        List<Path> existing = names.stream().map(folder::resolve).filter(Files::exists).toList();
        return existing.stream()
                .filter(Files::isRegularFile)
                .findFirst()
                .orElse(existing.isEmpty() ? null : existing.get(0));
    }

    private static String lack(Path folder, List<Path> files, List<List<String>> needed) {
        if (!Files.isDirectory(folder)) {
            return Files.exists(folder) ? " (not a folder)" : " (no such folder)";
        }
        List<String> missing = new ArrayList<>();
        for (int i = 0; i < files.size(); i++) {
            if (files.get(i) == null) {
                missing.add(needed.get(i).get(0));
            }
        }
        return missing.size() == files.size() ? "" : " (lacks " + String.join(", ", missing) + ")";
    }
}
