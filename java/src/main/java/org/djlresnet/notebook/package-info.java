/** Java in notebooks: starts and adapts the kernel, collects output, draws a training's bars. */
package org.djlresnet.notebook;
