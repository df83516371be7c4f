/** What Python calls; a Java program uses the other packages. */
package org.djlresnet.bridge;
