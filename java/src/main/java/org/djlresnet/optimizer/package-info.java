/** How gradients move parameters. */
package org.djlresnet.optimizer;
