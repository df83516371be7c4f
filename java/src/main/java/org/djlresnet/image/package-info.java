/** What an image is, and its way to what a network takes: colours, resizing, crop, scale. */
package org.djlresnet.image;
