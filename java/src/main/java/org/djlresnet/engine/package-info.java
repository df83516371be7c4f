/** The engine, its devices, and differences between engines that DJL's interface does not cover. */
package org.djlresnet.engine;
