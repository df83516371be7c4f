/** Data sets: examples in memory or in files, readers by name, batches, and DJL's datasets. */
package org.djlresnet.data;
