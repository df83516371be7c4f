package org.djlresnet.weights;

import ai.djl.Model;
import ai.djl.nn.Block;
import ai.djl.nn.BlockFactory;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.djlresnet.UserException;
import org.djlresnet.checkpoint.Checkpoint;
import org.djlresnet.engine.Engines;
import org.djlresnet.image.Preprocessing;
import org.djlresnet.model.Models;
import org.djlresnet.model.Network;

/**
 * Builds the block of a run folder, or of a folder that {@link DjlFolder} wrote, when DJL's {@code
 * Criteria} load it.
 *
 * <p>An exported folder's {@code serving.properties} name this class as {@code blockFactory}, and
 * have its arguments. For a run folder, {@link DjlFolder#criteria} does. The block's parameters are
 * frozen, so that inference records no gradients. It prepares raw images itself.
 */
public final class NetworkFactory implements BlockFactory {

    /** The argument for the engine that the folder was exported with. */
    static final String ENGINE = "engine";

    /** The argument for the network's name in {@link Models}. */
    static final String NETWORK = "network";

    /** The argument for the number of classes. */
    static final String CLASSES = "classes";

    /** The argument for the preprocessing, see {@link Preprocessing#toJson}. */
    static final String PREPROCESSING = "preprocessing";

    private static final long serialVersionUID = 1L;

    /** Creates a factory; DJL calls this by reflection. */
    public NetworkFactory() {}

    /**
     * Builds the block: of a run folder with the parameters of its best epoch, of an exported
     * folder without parameters, which DJL then reads.
     *
     * @throws UserException if an argument is missing or wrong, or the model has another engine
     *     than the folder
     */
    @Override
    public Block newBlock(Model model, Path modelPath, Map<String, ?> arguments) {
        Path checkpoint = checkpoint(modelPath);
        Block block =
                arguments.get(NETWORK) == null && checkpoint != null
                        ? trained(model, checkpoint)
                        : exported(model, modelPath, arguments);
        block.freezeParameters(true);
        return block;
    }

    /** Returns the checkpoint to load from a run folder, or null if there is none. */
    static Path checkpoint(Path folder) {
        return List.of("best.safetensors", "last.safetensors").stream()
                .map(folder::resolve)
                .filter(Files::exists)
                .findFirst()
                .orElse(null);
    }

    private static Block trained(Model model, Path file) {
        try (Checkpoint checkpoint = Checkpoint.open(file)) {
            requireEngine(model, file, checkpoint.engine());
            Engines.require(model.getNDManager().getEngine().getEngineName());
            Network network = checkpoint.network(model.getNDManager().getDevice());
            // closes the network with the model
            model.getNDManager().attachInternal(UUID.randomUUID().toString(), network);
            return new RawImageBlock(
                    network.block(),
                    network.specification().requirePreprocessing(),
                    network.classNames());
        }
    }

    private static Block exported(Model model, Path folder, Map<String, ?> arguments) {
        for (String key : List.of(NETWORK, CLASSES, ENGINE, PREPROCESSING)) {
            if (arguments.get(key) == null) {
                throw UserException.of(
                        "%s is neither a run folder nor an exported folder: its arguments lack"
                                + " \"%s\". Export the network again.",
                        folder, key);
            }
        }
        String classes = arguments.get(CLASSES).toString();
        if (!classes.matches("[1-9]\\d{0,8}")) {
            throw UserException.of(
                    "%s has a wrong argument \"%s\". Received: %s. Allowed: the number of classes.",
                    folder, CLASSES, classes);
        }
        requireEngine(model, folder, arguments.get(ENGINE).toString());
        Block block =
                Models.get(arguments.get(NETWORK).toString()).build(Integer.parseInt(classes));
        try {
            List<String> names = Files.readAllLines(folder.resolve(DjlFolder.SYNSET));
            return new RawImageBlock(
                    block, Preprocessing.of(arguments.get(PREPROCESSING).toString()), names);
        } catch (IOException unreadable) {
            throw new UncheckedIOException(unreadable);
        }
    }

    /** Engines differ in rounding, and DJL's default engine depends on the class path. */
    private static void requireEngine(Model model, Path folder, String engine) {
        String received = model.getNDManager().getEngine().getEngineName();
        if (!engine.equals(received)) {
            throw UserException.of(
                    "%1$s needs the engine %2$s. Received: %3$s. Choose it with"
                            + " Criteria.Builder.optEngine(\"%2$s\").",
                    folder, engine, received);
        }
    }
}
