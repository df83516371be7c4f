/** Loss surfaces: loss and accuracy of a network along directions in the space of its weights. */
package org.djlresnet.landscape;
