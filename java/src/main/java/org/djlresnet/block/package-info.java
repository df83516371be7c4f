/** The layers and residual blocks of networks. */
package org.djlresnet.block;
