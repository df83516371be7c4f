package org.djlresnet.weights;

import ai.djl.Model;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.djlresnet.AtomicFile;
import org.djlresnet.UserException;
import org.djlresnet.image.Preprocessing;
import org.djlresnet.model.Network;

/**
 * A folder that DJL's {@code Criteria} load and its {@code Predictor} serves, with our jar on the
 * class path.
 *
 * <p>It holds {@code <model>-0000.params} in DJL's own form, {@code synset.txt} with a class name a
 * line, and {@code serving.properties} with the arguments of {@link NetworkFactory} and {@link
 * NetworkTranslatorFactory}: images are prepared as the network's own, and the answer is a
 * probability for each class.
 *
 * <p>{@code Criteria} without a translator have DJL's own, which reads images in its way: it leaves
 * transparency out, and brightens greys of 16 bits and those with transparency. With {@code
 * optTranslatorFactory(new DeferredTranslatorFactory())} images of all kinds are read as everywhere
 * else.
 */
public final class DjlFolder {

    /** The file with a class name a line. */
    static final String SYNSET = "synset.txt";

    private DjlFolder() {}

    /**
     * Writes the folder.
     *
     * @param folder the folder, not there yet or empty
     * @param network the network, of 1 channel or 3
     * @param preprocessing how an image becomes the network's input
     * @throws UserException if the network or a class name does not fit the form, or the folder
     *     holds something
     * @throws IOException if the folder cannot be written
     */
    public static void write(Path folder, Network network, Preprocessing preprocessing)
            throws IOException {
        requireServable(network);
        Path target = folder.toAbsolutePath();
        if (Files.exists(target)) {
            requireEmpty(target);
        }
        requireParent(target);
        // beside it, so that a folder is whole or not there
        Path temporary = Files.createDirectory(AtomicFile.temporaryBeside(target));
        try {
            writeParameters(temporary, network);
            Files.write(temporary.resolve(SYNSET), network.classNames(), StandardCharsets.UTF_8);
            Files.write(
                    temporary.resolve("serving.properties"),
                    properties(network, preprocessing),
                    StandardCharsets.ISO_8859_1);
            Files.deleteIfExists(target);
            Files.move(temporary, target);
        } finally {
            delete(temporary);
        }
    }

    private static void requireServable(Network network) {
        int channels = network.inChannels();
        if (channels != 1 && channels != 3) {
            throw new UserException(
                    "DJL reads images of 1 or 3 channels. Received: a network of " + channels);
        }
        for (String name : network.classNames()) {
            if (name.isBlank() || !name.equals(name.strip()) || name.lines().count() > 1) {
                throw new UserException(
                        "A class name must be one line of synset.txt. Received: \"" + name + "\"");
            }
        }
    }

    private static void requireEmpty(Path folder) throws IOException {
        if (!Files.isDirectory(folder)) {
            throw new UserException(folder + " is a file; give a new folder");
        }
        try (Stream<Path> content = Files.list(folder)) {
            if (content.findAny().isPresent()) {
                throw new UserException(folder + " exists and holds files; give a new folder");
            }
        }
    }

    private static void requireParent(Path folder) {
        if (!Files.isDirectory(folder.getParent())) {
            throw new UserException(
                    "The folder "
                            + folder
                            + " cannot be made: there is no folder "
                            + folder.getParent());
        }
    }

    private static void writeParameters(Path folder, Network network) throws IOException {
        String engine = network.manager().getEngine().getEngineName();
        try (Model model =
                Model.newInstance(network.model(), network.manager().getDevice(), engine)) {
            model.setBlock(network.block());
            model.setProperty("Epoch", "0");
            model.save(folder, network.model());
        }
    }

    private static List<String> properties(Network network, Preprocessing preprocessing) {
        Map<String, String> entries = new LinkedHashMap<>();
        entries.put("option.modelName", network.model());
        entries.put("blockFactory", NetworkFactory.class.getName());
        entries.put(NetworkFactory.NETWORK, network.model());
        entries.put(NetworkFactory.CLASSES, Integer.toString(network.classNames().size()));
        entries.put("translatorFactory", NetworkTranslatorFactory.class.getName());
        entries.put(NetworkTranslatorFactory.PREPROCESSING, preprocessing.toJson().toString());
        // for DJL's own translator: images come as they are, and the block prepares them
        entries.put("flag", "COLOR");
        entries.put("toTensor", "false");
        entries.put("applySoftmax", "true");
        entries.put("synsetFileName", SYNSET);
        return entries.entrySet().stream()
                .map(entry -> entry.getKey() + "=" + entry.getValue())
                .toList();
    }

    private static void delete(Path folder) throws IOException {
        if (!Files.exists(folder)) {
            return;
        }
        try (Stream<Path> content = Files.list(folder)) {
            for (Path file : content.toList()) {
                Files.delete(file);
            }
        }
        Files.delete(folder);
    }
}
