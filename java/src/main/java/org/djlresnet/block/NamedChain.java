package org.djlresnet.block;

import ai.djl.nn.Block;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;

/** A sequence of blocks whose modules with parameters have torchvision's names. */
public class NamedChain extends Chain implements NamedModules {

    private final Map<String, Block> modules = new LinkedHashMap<>();

    /** Creates an empty chain. */
    public NamedChain() {}

    /**
     * Appends a block with parameters.
     *
     * @param <B> the block's type
     * @param name the name of the block, and the prefix of its tensor names
     * @param block the block
     * @return the block
     */
    public final <B extends Block> B add(String name, B block) {
        return add(name, name, block);
    }

    /**
     * Appends a block with parameters that summaries show under another name.
     *
     * @param <B> the block's type
     * @param name the prefix of its tensor names, for example a number
     * @param title the name of the block in summaries
     * @param block the block
     * @return the block
     */
    public final <B extends Block> B add(String name, String title, B block) {
        modules.put(name, block);
        return append(title, block);
    }

    /** Registers a module that is nested in one of this chain's blocks. */
    final void name(String name, Block part) {
        modules.put(name, part);
    }

    @Override
    public final Map<String, Block> modules() {
        return Collections.unmodifiableMap(modules);
    }
}
