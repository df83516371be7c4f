/** Images and their preprocessing: colour conversion, resizing, cropping and normalization. */
package org.djlresnet.image;
