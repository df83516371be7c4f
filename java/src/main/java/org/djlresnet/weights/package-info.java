/** Weights from and for other programs: torchvision and timm, and DJL's own model folders. */
package org.djlresnet.weights;
