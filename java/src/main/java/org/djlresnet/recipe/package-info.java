/** Every setting of a run, checked. */
package org.djlresnet.recipe;
