/** Networks by name, their parameters under torchvision's names, and their summaries. */
package org.djlresnet.model;
