/**
 * Residual networks on the Deep Java Library (DJL): errors, files, and {@link org.djlresnet.Main},
 * which trains from the command line.
 */
package org.djlresnet;
