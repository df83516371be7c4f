/** Evaluation of a network on a data set. */
package org.djlresnet.evaluation;
