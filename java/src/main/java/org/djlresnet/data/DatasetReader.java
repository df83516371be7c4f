package org.djlresnet.data;

import java.nio.file.Path;
import org.djlresnet.UserException;

/** Reads a data set that has a name. */
interface DatasetReader {

    /** Returns what is known of the data set before its files are read. */
    DatasetDescriptor descriptor();

    /**
     * Reads and checks one half.
     *
     * @param dir the folder of the files, or one whose subfolder of the data set's name holds them
     * @param train true for the training half, false for the test half
     * @return the examples in the order of the files
     * @throws UserException if files are missing, damaged or do not match
     */
    Examples read(Path dir, boolean train);
}
