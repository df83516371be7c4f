package org.djlresnet.training;

import com.google.gson.JsonObject;
import org.djlresnet.UserException;
import org.djlresnet.data.Examples;

/**
 * What a run's data are told by when it goes on: a run on others would give what no single run can.
 *
 * @param train the checksum of the training data
 * @param test the checksum of the test data
 */
public record DataChecksums(String train, String test) {

    /** Returns the checksums of data. */
    static DataChecksums of(Examples train, Examples test) {
        return new DataChecksums(train.fingerprint(), test.fingerprint());
    }

    /** Reads what {@link #toJson} wrote. */
    static DataChecksums fromJson(JsonObject json) {
        return new DataChecksums(json.get("train").getAsString(), json.get("test").getAsString());
    }

    /** Returns a JSON object with the keys train and test. */
    JsonObject toJson() {
        JsonObject json = new JsonObject();
        json.addProperty("train", train);
        json.addProperty("test", test);
        return json;
    }

    /**
     * Makes sure that a run goes on with its own data.
     *
     * @param begun the checksums of the data that the run began with, or null if they are not known
     * @throws UserException if these are others
     */
    void requireSame(DataChecksums begun) {
        if (begun == null || equals(begun)) {
            return;
        }
        boolean training = !train.equals(begun.train);
        throw new UserException(
                "The %s data are not those of the run: other pixels, other labels or another order"
                                .formatted(training ? "training" : "test")
                        + ". Checksum of the run's: %s. Received: %s"
                                .formatted(
                                        training ? begun.train : begun.test,
                                        training ? train : test));
    }
}
