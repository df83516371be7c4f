package org.djlresnet.training;

import java.util.List;
import java.util.Map;
import org.djlresnet.recipe.Recipe;

/**
 * What the files of a run folder say of a run besides its results.
 *
 * @param recipe the recipe
 * @param selection what selects the best epoch
 * @param metrics the columns of metrics.csv that hold metrics
 * @param versions the versions of everything
 */
public record RunContents(
        Recipe recipe, Selection selection, List<String> metrics, Map<String, String> versions) {}
