/** Figures made with Tablesaw. */
package org.djlresnet.figure;
