/** The Java kernel of notebooks: its start, its output, and progress bars. */
package org.djlresnet.notebook;
