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
import org.djlresnet.recipe.SettingException;

/**
 * Drops whole residual branches in training steps, deeper ones more often.
 *
 * <p>The l-th of L blocks is dropped with probability p · l / L, where p is that of the last block.
 * The decision is a pure function of the seed, the step and the block's name. A dropped branch is
 * not computed and has zero gradients; weight decay and momentum still apply. A branch that is kept
 * is divided by its survival probability, so evaluation needs no scaling.
 *
 * <p>Source: Huang et al., "Deep Networks with Stochastic Depth", 2016, but scaled in training, not
 * in evaluation, as torchvision's {@code stochastic_depth} in mode "batch".
 */
final class StochasticDepth {

    /** Separates this random stream from those of weights and data. */
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
     * @param lastDrop the probability of dropping the last block, from 0 (never) to below 1
     * @throws UserException if it is above 0 and the network has no shortcuts
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
            throw SettingException.of(
                    "\"stochastic_depth\" must be 0 for a %s, which has no shortcuts. "
                            + "Received: %s.",
                    network.model(), lastDrop);
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
     * Chooses the branches that a step drops, before its forward pass.
     *
     * @param step the number of completed steps
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

    /** Drops no branch in what follows the last step. */
    void end() {
        branches.forEach(branch -> branch.block.gate().beginStep(false, 1));
    }

    static boolean drops(long seed, long step, String name, double probability) {
        long mixed = SplitMix64.mix(seed, STREAM, step, name.hashCode());
        return new SplitMix64(mixed).nextFloat() < probability;
    }
}
