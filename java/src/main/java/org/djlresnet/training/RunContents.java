package org.djlresnet.training;

import java.util.List;
import java.util.Map;
import org.djlresnet.recipe.Recipe;

/**
 * The contents of a run folder, except results.
 *
 * @param recipe the recipe
 * @param selection the rule that selects the best epoch
 * @param metrics the metric columns of metrics.csv
 * @param versions the versions of the library, engine and system
 */
public record RunContents(
        Recipe recipe, Selection selection, List<String> metrics, Map<String, String> versions) {}
