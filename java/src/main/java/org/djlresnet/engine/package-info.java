/** What must be known of DJL's engines beyond their common interface. */
package org.djlresnet.engine;
