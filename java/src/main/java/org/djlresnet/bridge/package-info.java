/** Entry points for Python; Java programs use the other packages. */
package org.djlresnet.bridge;
