/** Checkpoints: a network and the state of its run in one safetensors file. */
package org.djlresnet.checkpoint;
