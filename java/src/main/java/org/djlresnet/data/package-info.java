/** From files to batches: named data sets, their readers, shuffling and prefetching. */
package org.djlresnet.data;
