package org.djlresnet.data;

import java.util.List;
import java.util.Map;
import org.djlresnet.image.ImageShape;

/**
 * What is known of a named data set before it is read.
 *
 * @param name what {@link Datasets#read} takes
 * @param description one sentence
 * @param shape the images' shape; null where only the files tell
 * @param classes the classes' names by label; empty where only the files tell
 * @param train number of training examples; 0 where only the files tell
 * @param test number of test examples; 0 where only the files tell
 * @param md5 file name to MD5 of the uncompressed content; empty where any content is taken
 */
public record DatasetDescriptor(
        String name,
        String description,
        ImageShape shape,
        List<String> classes,
        int train,
        int test,
        Map<String, String> md5) {

    /** Copies the lists and the map, so that a descriptor never changes. */
    public DatasetDescriptor {
        classes = List.copyOf(classes);
        md5 = Map.copyOf(md5);
    }
}
