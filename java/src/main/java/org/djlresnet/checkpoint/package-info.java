/** Checkpoints and the safetensors format. */
package org.djlresnet.checkpoint;
