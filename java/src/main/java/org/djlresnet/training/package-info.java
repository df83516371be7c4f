/** Recipes and the loop that follows them: optimizer, schedules, metrics. */
package org.djlresnet.training;
