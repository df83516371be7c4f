/** Writes graphs as TorchScript programs: training passes and evaluations. */
package org.djlresnet.program;
