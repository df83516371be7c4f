package org.djlresnet.training;

import ai.djl.nn.Parameter;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.djlresnet.UserException;
import org.djlresnet.block.ResidualBlock;
import org.djlresnet.data.SplitMix64;
import org.djlresnet.engine.EngineTraits;
import org.djlresnet.model.Network;
import org.djlresnet.model.ResidualBlocks;

/**
 * Drops whole residual branches from training steps, deeper ones more often.
 *
 * <p>Of L blocks the l-th is dropped with the probability l / L · p, where p is that of the last.
 * Whether a step drops a block is a pure function of the seed, the step and the block's name. A
 * dropped branch is not computed and gets a gradient of zero; weight decay and momentum act on it
 * as always. One that is kept is divided by its probability of survival, so that the trained
 * network is evaluated as it is.
 *
 * <p>Source: Huang et al., "Deep Networks with Stochastic Depth", 2016, with the scale at training
 * rather than at evaluation, as torchvision's {@code stochastic_depth} in its mode "batch".
 */
final class StochasticDepth {

    /** Keeps this stream of random numbers apart from that of weights and data. */
    private static final long STREAM = "stochastic_depth".hashCode();

    private final long seed;
    private final EngineTraits traits;
    private final List<DroppedBranch> branches = new ArrayList<>();

    private record DroppedBranch(
            String name, ResidualBlock block, double probability, List<Parameter> parameters) {}

    /**
     * Prepares a network.
     *
     * @param network the network
     * @param seed the run's seed
     * @param lastDrop the probability that the last block is dropped, from 0 (none is) to below 1
     * @throws UserException if blocks are to be dropped from a network without shortcuts
     */
    StochasticDepth(Network network, long seed, double lastDrop) {
        this.seed = seed;
        traits = EngineTraits.of(network.manager().getEngine());
        Map<String, ResidualBlock> found = ResidualBlocks.of(network.block());
        found.values().forEach(block -> block.gate().beginStep(false, 1));
        if (lastDrop == 0) {
            return;
        }
        if (found.isEmpty()) {
            throw new UserException(
                    "A "
                            + network.model()
                            + " has no shortcuts, so that no block of it can be dropped. Received:"
                            + " stochastic_depth="
                            + lastDrop);
        }
        found.forEach(
                (name, block) ->
                        branches.add(
                                new DroppedBranch(
                                        name,
                                        block,
                                        lastDrop * (branches.size() + 1) / found.size(),
                                        trained(block))));
    }

    private static List<Parameter> trained(ResidualBlock block) {
        return block.branch().getParameters().values().stream()
                .filter(Parameter::requiresGradient)
                .toList();
    }

    /**
     * Decides what a step drops, before its forward pass.
     *
     * @param step the number of steps done before
     */
    void begin(long step) {
        for (DroppedBranch branch : branches) {
            boolean drop = drops(seed, step, branch.name, branch.probability);
            branch.block.gate().beginStep(drop, 1 - branch.probability);
            if (drop) {
                branch.parameters.forEach(
                        parameter -> traits.clearUnreachedGradient(parameter.getArray()));
            }
        }
    }

    static boolean drops(long seed, long step, String name, double probability) {
        long mixed = SplitMix64.mix(seed, STREAM, step, name.hashCode());
        return new SplitMix64(mixed).nextFloat() < probability;
    }
}
