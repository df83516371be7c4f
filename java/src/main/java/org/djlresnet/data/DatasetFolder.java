package org.djlresnet.data;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.djlresnet.UserException;

/** Where the files of a data set are. */
final class DatasetFolder {

    private DatasetFolder() {}

    /**
     * Finds the first of some folders that holds all files.
     *
     * @param name the data set's name
     * @param folders where to look, in this order
     * @param needed the files' names
     * @param cure what to do where there is none, up to "their folder"
     * @throws UserException if there is none; the message has what each folder lacks
     */
    static Path find(String name, List<Path> folders, List<String> needed, String cure) {
        List<String> looked = new ArrayList<>();
        for (Path folder : folders) {
            List<String> missing =
                    needed.stream()
                            .filter(file -> !Files.isRegularFile(folder.resolve(file)))
                            .toList();
            if (missing.isEmpty()) {
                return folder;
            }
            String about = " (no such folder)";
            if (Files.isDirectory(folder)) {
                boolean none = missing.size() == needed.size();
                about = none ? "" : " (lacks " + String.join(", ", missing) + ")";
            }
            looked.add(folder.toAbsolutePath() + about);
        }
        throw new UserException(
                "The files of data set \"%s\" were not found. %s their folder, or put %s in one of these: %s"
                        .formatted(
                                name, cure, String.join(", ", needed), String.join("; ", looked)));
    }
}
