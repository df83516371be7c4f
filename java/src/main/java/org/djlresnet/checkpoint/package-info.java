/** Tensors in files: the safetensors format. */
package org.djlresnet.checkpoint;
