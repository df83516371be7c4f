package org.djlresnet.block;

import ai.djl.nn.Block;
import java.util.Map;

/**
 * A block whose parts go by the names that torchvision gives them.
 *
 * <p>The names become the prefixes of tensor names in checkpoints: the part {@code conv1} of the
 * part {@code 0} of the part {@code layer1} holds the tensor {@code layer1.0.conv1.weight}.
 */
public interface NamedModules {

    /**
     * Returns the parts that hold parameters.
     *
     * @return the parts by their names, in the order of the forward pass
     */
    Map<String, Block> modules();
}
