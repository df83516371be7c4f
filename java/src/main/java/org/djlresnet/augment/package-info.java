/** Augmentation: random changes of training images, and the views of test images. */
package org.djlresnet.augment;
