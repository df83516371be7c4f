package org.djlresnet.optimizer;

/**
 * Settings that parameters of an optimizer share.
 *
 * @param weightDecay the weight decay
 * @param lrScale the factor of the learning rate
 */
public record ParameterGroup(double weightDecay, double lrScale) {}
