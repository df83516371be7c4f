package org.djlresnet.training;

import com.google.gson.JsonObject;
import java.util.List;
import org.djlresnet.recipe.Recipe;

/**
 * The contents of a run folder besides results.
 *
 * @param recipe the recipe
 * @param selection the rule that selects the best epoch
 * @param metrics the metric columns of metrics.csv
 * @param versions the versions of the library, engine and system
 */
public record RunContents(
        Recipe recipe, Selection selection, List<String> metrics, JsonObject versions) {}
