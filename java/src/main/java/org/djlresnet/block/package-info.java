/** The layers and residual blocks that networks are built of. */
package org.djlresnet.block;
