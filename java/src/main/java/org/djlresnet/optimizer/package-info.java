/** Optimizers: how gradients change parameters. */
package org.djlresnet.optimizer;
