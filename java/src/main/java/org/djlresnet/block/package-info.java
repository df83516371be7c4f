/** Layers and residual blocks. */
package org.djlresnet.block;
