package org.djlresnet.data;

import java.util.List;
import java.util.Map;
import org.djlresnet.image.ImageShape;

/**
 * Describes a named data set before its files are read.
 *
 * @param name the name for {@link Datasets#read}
 * @param description one sentence
 * @param shape the images' shape; null if it depends on the files
 * @param classes the class names, by label; empty if they depend on the files
 * @param train the number of training examples; 0 if it depends on the files
 * @param test the number of test examples; 0 if it depends on the files
 * @param md5 MD5 sums of the decompressed files by file name, without {@code .gz}; empty if any
 *     content is allowed
 */
public record DatasetDescriptor(
        String name,
        String description,
        ImageShape shape,
        List<String> classes,
        int train,
        int test,
        Map<String, String> md5) {

    /** Copies the lists and the map. */
    public DatasetDescriptor {
        classes = List.copyOf(classes);
        md5 = Map.copyOf(md5);
    }
}
