/** Tablesaw figures of a run's metrics. They need {@code tech.tablesaw:tablesaw-jsplot}. */
package org.djlresnet.figure;
