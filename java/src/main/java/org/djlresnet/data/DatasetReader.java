package org.djlresnet.data;

import java.nio.file.Path;
import org.djlresnet.UserException;

/** Reads a named data set. */
interface DatasetReader {

    /** Returns the description, without reading files. */
    DatasetDescriptor descriptor();

    /**
     * Reads and checks one half.
     *
     * @param dir the folder of the files, or its parent if it is named after the data set
     * @param train whether to read the training half rather than the test half
     * @return the examples in the order of the files
     * @throws UserException if files are missing, damaged or inconsistent
     */
    Examples read(Path dir, boolean train);
}
