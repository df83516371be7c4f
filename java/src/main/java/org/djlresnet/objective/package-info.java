/** Objectives and metrics: what training minimizes and measures. */
package org.djlresnet.objective;
