/** From files to batches: readers, data sets by name, shuffling, resizing and prefetching. */
package org.djlresnet.data;
