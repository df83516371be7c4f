package org.djlresnet.training;

import com.google.gson.JsonObject;
import org.djlresnet.UserException;
import org.djlresnet.data.Examples;
import org.djlresnet.recipe.Recipe;

/**
 * The three uses of a run's data: examples to train on, examples to select by after each epoch, and
 * test examples.
 *
 * <p>Without a validation split the test examples select, as the book has it. With one they are
 * looked at once, at the end.
 *
 * @param train what is trained on
 * @param selecting what the network is evaluated on after each epoch
 * @param part what these are called: {@value #TEST} or {@value #VALIDATION}
 * @param test the test examples
 */
record Splits(Examples train, Examples selecting, String part, Examples test) {

    static final String TEST = "test";
    static final String VALIDATION = "validation";

    /**
     * Divides a run's data as its recipe says.
     *
     * @param recipe gives validation and seed
     * @param train the training data
     * @param test the test data
     * @throws UserException if the split is not possible
     */
    static Splits of(Recipe recipe, Examples train, Examples test) {
        int[] heldOut = ValidationSplit.indices(recipe, train);
        if (heldOut == null) {
            return new Splits(train, test, TEST, test);
        }
        return new Splits(
                train.subset(ValidationSplit.others(heldOut, train.size())),
                train.subset(heldOut),
                VALIDATION,
                test);
    }

    /** Returns whether the test examples are kept for the end. */
    boolean keepsTest() {
        return part.equals(VALIDATION);
    }

    /** Returns the fingerprints by use, which tell a run's data from others. */
    JsonObject fingerprints() {
        JsonObject json = new JsonObject();
        json.addProperty("train", train.fingerprint());
        if (keepsTest()) {
            json.addProperty(VALIDATION, selecting.fingerprint());
        }
        json.addProperty("test", test.fingerprint());
        return json;
    }

    /**
     * Makes sure that a run is resumed with its own data.
     *
     * @param begun the fingerprints of the data that the run began with, or null if not known
     * @throws UserException if these are others
     */
    void requireSame(JsonObject begun) {
        if (begun == null) {
            return;
        }
        JsonObject now = fingerprints();
        for (String use : now.keySet()) {
            String was = begun.has(use) ? begun.get(use).getAsString() : "none";
            String is = now.get(use).getAsString();
            if (!is.equals(was)) {
                throw new UserException(
                        "The %s data differ from those of the run in pixels, labels or order."
                                        .formatted(use.equals("train") ? "training" : use)
                                + " Received checksum: "
                                + is
                                + ". Allowed: "
                                + was
                                + ". Give the data that the run began with");
            }
        }
    }
}
