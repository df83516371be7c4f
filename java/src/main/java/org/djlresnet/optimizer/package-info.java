/** Optimizers: how gradients update parameters. */
package org.djlresnet.optimizer;
