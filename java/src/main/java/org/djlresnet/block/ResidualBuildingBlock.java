package org.djlresnet.block;

import ai.djl.nn.Block;

/** Base class of building blocks with a shortcut: they fill {@link #branch} and add the sum. */
abstract class ResidualBuildingBlock extends BuildingBlock implements ResidualBlock {

    final NamedChain branch = new NamedChain();
    private final BranchGate gate = new BranchGate();

    ResidualBuildingBlock(int inChannels, int channels, int stride) {
        super(inChannels, channels, stride);
    }

    @Override
    public final BranchGate gate() {
        return gate;
    }

    @Override
    public final Block branch() {
        return branch;
    }

    /**
     * Appends the sum of the branch and a shortcut, and registers their modules.
     *
     * @param projectionNorm the batch normalization of a projection, or null
     */
    final void addSum(Shortcut shortcut, int channels, int stride, BatchNorm projectionNorm) {
        addSum(
                keepsShape()
                        ? null
                        : shortcut.create(inChannels(), channels, stride, projectionNorm));
    }

    /**
     * Appends the sum of the branch and a shortcut, and registers their modules.
     *
     * @param projection the shortcut; null for the identity
     */
    final void addSum(Block projection) {
        branch.modules().forEach(this::name);
        if (projection != null) {
            name("downsample", projection);
        }
        Block shortcut = projection == null ? Layers.identity() : projection;
        append("sum", new ResidualSum(branch, shortcut, gate));
    }
}
