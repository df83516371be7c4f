package org.djlresnet.data;

import java.util.List;
import org.djlresnet.UserException;
import org.djlresnet.image.ImageShape;
import org.djlresnet.image.PixelType;
import org.djlresnet.image.Preprocessing;
import org.djlresnet.image.RawImage;

/**
 * A source of labelled images that a {@link BatchLoader} reads, in memory or not.
 *
 * <p>Implementations are immutable, and all methods are thread-safe.
 */
public interface Examples {

    /**
     * Returns the number of examples.
     *
     * @return N, 1 or more
     */
    int size();

    /**
     * Returns the images' shape.
     *
     * @return the shape of every image; null if images differ in size
     */
    ImageShape shape();

    /**
     * Returns how the pixels are stored.
     *
     * @return the pixel type
     */
    PixelType type();

    /**
     * Returns the class names.
     *
     * @return the names, by label
     */
    List<String> classNames();

    /**
     * Returns the label of an example.
     *
     * @param index 0 to {@code size() - 1}
     * @return 0 to {@code classNames().size() - 1}
     * @throws IndexOutOfBoundsException if there is no such example
     */
    int label(int index);

    /**
     * Reads the image of an example.
     *
     * @param index 0 to {@code size() - 1}
     * @param into receives the image
     * @throws IndexOutOfBoundsException if there is no such example
     * @throws UserException if it cannot be read
     */
    void read(int index, RawImage into);

    /**
     * Returns a checksum that identifies these examples. A run resumes only on the same examples.
     *
     * @return eight hexadecimal digits that depend on every image and label and on their order
     */
    String fingerprint();

    /**
     * Returns the preprocessing that the images were stored for, which a network trained on them
     * gets.
     *
     * @return the preprocessing; null if it follows from the images' shape
     */
    default Preprocessing preprocessing() {
        return null;
    }

    /**
     * Returns the file of an example.
     *
     * @param index 0 to {@code size() - 1}
     * @return its path relative to the data set's folder; null if examples are not files
     * @throws IndexOutOfBoundsException if there is no such example
     */
    default String path(int index) {
        return null;
    }

    /**
     * Returns the first examples.
     *
     * @param n the number, 1 or more; all examples if there are fewer
     * @return a view
     * @throws UserException if n is not positive
     */
    default Examples limit(int n) {
        int[] first = new int[Math.min(requireLimit(n), size())];
        for (int i = 0; i < first.length; i++) {
            first[i] = i;
        }
        return subset(first);
    }

    /**
     * Returns selected examples.
     *
     * @param indices the indices, in this order; one or more
     * @return a view
     * @throws UserException if there is no index, or one is out of range
     */
    default Examples subset(int[] indices) {
        return new Subset(this, indices);
    }

    /**
     * Checks a limit.
     *
     * @param n the limit
     * @return the limit
     * @throws UserException if it is not positive
     */
    static int requireLimit(int n) {
        if (n < 1) {
            throw new UserException(
                    "The limit of examples must be at least 1. Received: " + n + ".");
        }
        return n;
    }
}
