/** What training minimizes and measures. */
package org.djlresnet.objective;
