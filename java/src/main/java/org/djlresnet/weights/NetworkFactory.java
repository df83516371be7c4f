package org.djlresnet.weights;

import ai.djl.Model;
import ai.djl.nn.Block;
import ai.djl.nn.BlockFactory;
import java.nio.file.Path;
import java.util.Map;
import org.djlresnet.UserException;
import org.djlresnet.model.Models;

/**
 * Builds the block of a folder that {@link DjlFolder} wrote, when DJL's {@code Criteria} load it.
 *
 * <p>The folder's {@code serving.properties} name this class as {@code blockFactory}, and the
 * network by {@value #NETWORK} and {@value #CLASSES}. The block's parameters are frozen, so that
 * serving it records no gradients. Where the properties have a preprocessing, which those of
 * earlier versions have not, the block prepares raw images itself.
 */
public final class NetworkFactory implements BlockFactory {

    /** The argument that has the network's name in {@link Models}. */
    public static final String NETWORK = "network";

    /** The argument that has the number of classes. */
    public static final String CLASSES = "classes";

    private static final long serialVersionUID = 1L;

    /** Creates a factory, as DJL does by the class's name. */
    public NetworkFactory() {}

    /**
     * Builds the block, without parameters yet.
     *
     * @throws UserException if an argument is missing or does not serve
     */
    @Override
    public Block newBlock(Model model, Path modelPath, Map<String, ?> arguments) {
        Object name = arguments.get(NETWORK);
        Object classes = arguments.get(CLASSES);
        if (name == null || classes == null || !classes.toString().matches("[1-9]\\d{0,8}")) {
            throw new UserException(
                    String.format(
                            "%s: the arguments %s and %s must name a network and a number of"
                                    + " classes. Received: %s, %s",
                            modelPath, NETWORK, CLASSES, name, classes));
        }
        Block block = Models.get(name.toString()).build(Integer.parseInt(classes.toString()));
        if (arguments.containsKey(NetworkTranslatorFactory.PREPROCESSING)) {
            block = new RawImageBlock(block, NetworkTranslatorFactory.preprocessing(arguments));
        }
        block.freezeParameters(true);
        return block;
    }
}
