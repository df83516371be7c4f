/** Training runs: the loop, its checkpoints and its run folder. */
package org.djlresnet.training;
