/**
 * Java in notebooks: starts and adapts the kernel, collects output, draws a run's progress bars.
 */
package org.djlresnet.notebook;
