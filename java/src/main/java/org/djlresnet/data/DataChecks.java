package org.djlresnet.data;

import java.util.BitSet;
import java.util.List;
import java.util.Locale;
import java.util.stream.IntStream;
import org.djlresnet.UserException;
import org.djlresnet.image.ImageShape;

/** Checks the two halves of a data set before a training run. */
public final class DataChecks {

    private DataChecks() {}

    /**
     * Checks that the training data have more than one class.
     *
     * @param train all training examples
     * @param test all test examples, or null
     * @return a warning if the classes have no names and most of them no example, so that the
     *     labels are probably not numbered from 0; else null
     * @throws UserException if all training examples have the same class
     */
    public static String checkClasses(Examples train, Examples test) {
        BitSet present = labels(train);
        if (present.cardinality() == 1) {
            throw UserException.of(
                    "Training needs examples of at least 2 classes. Received: %d training"
                            + " example%s, all with label %d.",
                    train.size(), train.size() == 1 ? "" : "s", present.nextSetBit(0));
        }
        if (test != null) {
            present.or(labels(test));
        }
        int classes = train.classNames().size();
        if (2 * present.cardinality() >= classes || !areNumbers(train.classNames())) {
            return null;
        }
        return String.format(
                Locale.ROOT,
                "%d of %d classes have no example. Received: %d different labels, up to"
                        + " %d. Number the classes from 0 without gaps.",
                classes - present.cardinality(),
                classes,
                present.cardinality(),
                present.length() - 1);
    }

    private static BitSet labels(Examples examples) {
        BitSet labels = new BitSet();
        for (int i = 0; i < examples.size(); i++) {
            labels.set(examples.label(i));
        }
        return labels;
    }

    /**
     * Returns whether classes are only numbered.
     *
     * @param names the class names
     * @return whether each is its own index
     */
    public static boolean areNumbers(List<String> names) {
        return IntStream.range(0, names.size())
                .allMatch(i -> names.get(i).equals(Integer.toString(i)));
    }

    /**
     * Checks that training and test images have one size.
     *
     * @param train the training examples
     * @param test the test examples
     * @throws UserException if they differ in height or width
     */
    public static void requireSameSize(Examples train, Examples test) {
        ImageShape one = train.shape();
        ImageShape other = test.shape();
        if (one != null
                && other != null
                && (one.height() != other.height() || one.width() != other.width())) {
            throw UserException.of(
                    "Training and test images must have the same size. Received: %d×%d and"
                            + " %d×%d pixels. Set \"image_size\" to resize both.",
                    one.height(), one.width(), other.height(), other.width());
        }
    }
}
