/** Recipes: all settings of a training run. */
package org.djlresnet.recipe;
