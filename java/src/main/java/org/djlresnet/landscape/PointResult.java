package org.djlresnet.landscape;

/**
 * What was measured at a point; a value is not finite where the network's outputs are not.
 *
 * @param loss the mean cross-entropy, in nats
 * @param accuracy the fraction of correct predictions
 * @param lossError the standard error of the loss: the examples' standard deviation (n - 1) / √n
 * @param accuracyError the standard error of the accuracy, the same of the values 0 and 1
 */
public record PointResult(double loss, double accuracy, double lossError, double accuracyError) {}
