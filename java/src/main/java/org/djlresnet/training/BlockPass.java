package org.djlresnet.training;

import ai.djl.ndarray.NDList;
import ai.djl.training.GradientCollector;
import org.djlresnet.model.Network;
import org.djlresnet.objective.Minibatch;
import org.djlresnet.objective.Objective;
import org.djlresnet.optimizer.Gradients;

/** Computes gradients through the network's blocks and DJL's backward pass. */
final class BlockPass implements GradientPass {

    private final Network network;
    private final Objective objective;

    BlockPass(Network network, Objective objective) {
        this.network = network;
        this.objective = objective;
    }

    @Override
    public Result run(Minibatch batch) {
        try (GradientCollector collector = network.manager().getEngine().newGradientCollector()) {
            NDList outputs = network.forward(batch.inputs(network.inputs()), true);
            Objective.Value value = objective.apply(outputs, batch);
            if (batch.share() != null) {
                value = value.mixed(objective.apply(outputs, batch.second()), batch.share());
            }
            collector.backward(value.loss());
            return new Result(
                    value, Gradients.collect(network.parameters(), network.manager().getEngine()));
        }
    }
}
