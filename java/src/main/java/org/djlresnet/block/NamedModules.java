package org.djlresnet.block;

import ai.djl.nn.Block;
import java.util.Map;

/**
 * A block whose modules have torchvision's names.
 *
 * <p>The names become prefixes of tensor names in checkpoints: the module {@code conv1} of the
 * module {@code 0} of the module {@code layer1} holds the tensor {@code layer1.0.conv1.weight}.
 */
public interface NamedModules {

    /**
     * Returns the modules with parameters.
     *
     * @return the modules by name, in the order of the forward pass
     */
    Map<String, Block> modules();
}
