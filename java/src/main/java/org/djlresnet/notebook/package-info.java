/** What Java cells of notebooks need: the kernel's start and bars of a training. */
package org.djlresnet.notebook;
