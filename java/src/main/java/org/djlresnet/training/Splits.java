package org.djlresnet.training;

import com.google.gson.JsonObject;
import org.djlresnet.UserException;
import org.djlresnet.data.Examples;
import org.djlresnet.recipe.Recipe;
import org.djlresnet.recipe.SettingException;

/**
 * The parts of a run's data: training examples, examples that select the best epoch, and test
 * examples.
 *
 * <p>Without a validation split, the test examples select the best epoch, as in the book. With one,
 * they are evaluated once, at the end.
 *
 * @param train the training examples
 * @param selecting the examples on which the network is evaluated after each epoch
 * @param part the name of that part: {@value #TEST} or {@value #VALIDATION}
 * @param test the test examples; null if there are none besides those that select
 */
record Splits(Examples train, Examples selecting, String part, Examples test) {

    static final String TEST = "test";
    static final String VALIDATION = "validation";

    /**
     * Splits a run's data.
     *
     * @param recipe the recipe with validation and seed
     * @param train the training data
     * @param validation the data set's own validation data, or null
     * @param test the test data, or null
     * @throws UserException if the split is not possible
     */
    static Splits of(Recipe recipe, Examples train, Examples validation, Examples test) {
        int[] heldOut = ValidationSplit.indices(recipe, train);
        if (heldOut == null && validation == null && test == null) {
            throw new SettingException(
                    "The data have neither validation nor test examples. Received: \"validation\""
                            + " null. Allowed: a fraction of the training examples, such as 0.2.");
        }
        if (heldOut != null && validation != null) {
            throw new SettingException(
                    "\"validation\" cannot be combined with a data set that has its own validation"
                            + " images. Omit it.");
        }
        if (validation != null) {
            return new Splits(train, validation, VALIDATION, test);
        }
        if (heldOut == null) {
            return new Splits(train, test, TEST, test);
        }
        return new Splits(
                train.subset(ValidationSplit.others(heldOut, train.size())),
                train.subset(heldOut),
                VALIDATION,
                test);
    }

    /** Returns whether examples that are not test examples select the best epoch. */
    boolean holdsOut() {
        return part.equals(VALIDATION);
    }

    /** Returns whether there are test examples that are evaluated only at the end. */
    boolean keepsTest() {
        return holdsOut() && test != null;
    }

    /** Returns the fingerprints of the data by part. */
    JsonObject fingerprints() {
        JsonObject json = new JsonObject();
        json.addProperty("train", train.fingerprint());
        json.addProperty(part, selecting.fingerprint());
        if (keepsTest()) {
            json.addProperty("test", test.fingerprint());
        }
        return json;
    }

    /**
     * Checks that a run is resumed with its own data.
     *
     * @param begun the fingerprints of the run's data, or null if unknown
     * @throws UserException if the data differ
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
                                + ". Give the data of the run.");
            }
        }
    }
}
