package org.djlresnet.optimizer;

import java.util.Locale;

/**
 * Settings that parameters of an optimizer share.
 *
 * @param weightDecay the weight decay
 * @param lrScale the factor of the learning rate
 */
public record ParameterGroup(double weightDecay, double lrScale) {

    /** Returns the group's learning rate as TorchScript, a float; {@code lr} is a tensor. */
    String rate() {
        return lrScale == 1
                ? "float(lr)"
                : String.format(Locale.ROOT, "torch.mul(float(lr), %.17g)", lrScale);
    }
}
