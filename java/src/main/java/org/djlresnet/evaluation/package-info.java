/** How a network does on a data set. */
package org.djlresnet.evaluation;
