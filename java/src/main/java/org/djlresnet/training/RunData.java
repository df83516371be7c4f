package org.djlresnet.training;

import java.nio.file.Path;
import org.djlresnet.UserException;
import org.djlresnet.data.Datasets;
import org.djlresnet.data.Examples;
import org.djlresnet.recipe.Recipe;

/** Reads the examples of a run. */
interface RunData {

    Examples read(Recipe recipe, boolean train);

    /** Returns the data set's own validation examples, or null. */
    default Examples validation() {
        return null;
    }

    static RunData files(Examples train, Examples validation, Examples test) {
        return new RunData() {
            @Override
            public Examples read(Recipe recipe, boolean training) {
                return training ? train : test;
            }

            @Override
            public Examples validation() {
                return validation;
            }
        };
    }

    static RunData named(Path dataDir) {
        return (recipe, train) -> {
            if (recipe.dataset().equals(Recipe.ARRAYS)) {
                throw new UserException(
                        "The data set \"arrays\" has no files. Pass the arrays, or name another data set. Allowed: "
                                + String.join(", ", Datasets.names())
                                + ".");
            }
            if (recipe.isFolder()) {
                throw UserException.of(
                        "A folder of images is decoded by Python. Received: %s. Train with: python"
                                + " -m py_djl_resnet train --dataset %1$s",
                        recipe.dataset());
            }
            Path folder = recipe.dataDir() == null ? dataDir : Path.of(recipe.dataDir());
            return Datasets.read(recipe.dataset(), folder, train);
        };
    }

    static Examples limited(Examples dataset, Recipe recipe) {
        return recipe.limit() == null || dataset == null ? dataset : dataset.limit(recipe.limit());
    }
}
