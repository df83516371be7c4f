/** The training loop, its schedules, metrics, run folders and resumption. */
package org.djlresnet.training;
