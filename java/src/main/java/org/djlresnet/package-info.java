/** Residual networks on the Deep Java Library. */
package org.djlresnet;
