package org.djlresnet.training;

import java.util.ArrayList;
import java.util.List;
import org.djlresnet.data.Examples;
import org.djlresnet.recipe.Recipe;
import org.djlresnet.recipe.SettingException;

/** The weight of each class in the loss. */
final class ClassWeights {

    private ClassWeights() {}

    /**
     * Returns the weights that a recipe sets. Balanced weights are N / (K · n) for a class with n
     * of the N training examples, where K classes have examples: their mean over the examples is 1.
     * A class without examples has the weight 0.
     *
     * @param recipe the recipe
     * @param train the training examples
     * @param classes the number of the network's classes
     * @return the weights by class; null if all are 1
     * @throws SettingException if there are not as many weights as classes
     */
    static List<Double> of(Recipe recipe, Examples train, int classes) {
        if (recipe.balancesClasses()) {
            return balanced(train, classes);
        }
        List<Double> weights = recipe.classWeights();
        if (weights != null && weights.size() != classes) {
            throw SettingException.of(
                    "\"class_weights\" must have a number for each class. Received: %s number%s."
                            + " Allowed: %s.",
                    weights.size(), weights.size() == 1 ? "" : "s", classes);
        }
        return weights;
    }

    private static List<Double> balanced(Examples train, int classes) {
        int[] counts = new int[classes];
        int present = 0;
        for (int i = 0; i < train.size(); i++) {
            if (counts[train.label(i)]++ == 0) {
                present++;
            }
        }
        List<Double> weights = new ArrayList<>();
        for (int count : counts) {
            weights.add(count == 0 ? 0 : train.size() / ((double) present * count));
        }
        return weights;
    }
}
