/** Networks by name, with parameters under torchvision's names, and their summaries. */
package org.djlresnet.model;
