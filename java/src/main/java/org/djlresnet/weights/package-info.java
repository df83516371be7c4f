/** Weights of other programs: torchvision's and timm's files, and DJL's models. */
package org.djlresnet.weights;
