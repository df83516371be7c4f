/** What a network computes, as a list of typed operations, and passes that rewrite it. */
package org.djlresnet.graph;
