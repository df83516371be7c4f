package org.djlresnet.evaluation;

import ai.djl.ndarray.NDArray;
import ai.djl.nn.Parameter;
import ai.djl.training.GradientCollector;
import java.util.List;
import org.djlresnet.UserException;
import org.djlresnet.engine.EngineTraits;
import org.djlresnet.model.Network;

/** Differentiates a network's logit by its input, in evaluation mode. */
public final class InputGradients {

    private InputGradients() {}

    /**
     * Computes the gradient of a logit with respect to each image.
     *
     * @param network the network, which keeps its parameters and running statistics
     * @param images float32, (N, C, H, W), on the network's device; they are not changed
     * @param logit the number of the logit, from 0
     * @return the gradients, float32, (N, C, H, W), with the images' manager
     * @throws UserException if the network has no such logit, or the engine is not PyTorch
     */
    public static NDArray of(Network network, NDArray images, int logit) {
        int classes = network.classNames().size();
        if (logit < 0 || logit >= classes) {
            throw UserException.of(
                    "%s has no logit %d. Allowed: 0 to %d.", network.model(), logit, classes - 1);
        }
        // DJL's MXNet has no backward pass of batch normalization in evaluation mode
        if (!EngineTraits.of(network.manager().getEngine()).compiles()) {
            throw new UserException(
                    "Gradients with respect to the input need the PyTorch engine. Received: MXNet."
                            + " Use the engine pytorch.");
        }
        network.requireSize(images.getShape().get(2), images.getShape().get(3));
        List<NDArray> trained =
                network.parameters().values().stream()
                        .filter(Parameter::requiresGradient)
                        .map(Parameter::getArray)
                        .toList();
        NDArray input = images.duplicate();
        // the backward pass leaves out the gradients of the parameters
        trained.forEach(array -> array.setRequiresGradient(false));
        try (GradientCollector collector = network.manager().getEngine().newGradientCollector()) {
            input.setRequiresGradient(true);
            float[] chosen = new float[classes];
            chosen[logit] = 1;
            NDArray weights = images.getManager().create(chosen);
            collector.backward(network.forward(input, false).mul(weights).sum());
            return input.getGradient().duplicate();
        } finally {
            trained.forEach(array -> array.setRequiresGradient(true));
        }
    }
}
