/** Images and their preprocessing: channels, resize, crop, normalization. */
package org.djlresnet.image;
