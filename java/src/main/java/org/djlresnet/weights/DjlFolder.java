package org.djlresnet.weights;

import ai.djl.Model;
import ai.djl.modality.Classifications;
import ai.djl.modality.cv.Image;
import ai.djl.ndarray.NDManager;
import ai.djl.repository.zoo.Criteria;
import ai.djl.translate.Translator;
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
import org.djlresnet.checkpoint.Checkpoint;
import org.djlresnet.engine.Engines;
import org.djlresnet.image.Preprocessing;
import org.djlresnet.model.Network;

/**
 * Networks as DJL's models: a {@link Model} of a network in memory, {@link Criteria} that load a
 * run folder, and folders that any {@code Criteria} and DJL Serving load with our jar on the class
 * path.
 *
 * <p>An exported folder holds {@code <model>-0000.params} in DJL's format, {@code synset.txt} with
 * one class name per line, and {@code serving.properties} with the engine and the arguments of
 * {@link NetworkFactory} and {@link NetworkTranslatorFactory}. The output is a probability for each
 * class.
 *
 * <p>{@code Criteria} without a translator use DJL's own, which ignores transparency and brightens
 * grey images that have 16 bits or transparency. With {@code optTranslatorFactory(new
 * DeferredTranslatorFactory())}, images of all kinds are read as in training.
 */
public final class DjlFolder {

    /** The file with one class name per line. */
    static final String SYNSET = "synset.txt";

    private DjlFolder() {}

    /**
     * Returns a network as a DJL model, which shares its parameters. {@code model.newPredictor}
     * takes the translator of {@link #translator}.
     *
     * @param network the network, which must stay open as long as the model
     * @return the model, to be closed by the caller; its block takes float32 (N, C, H, W) or uint8
     *     (N, H, W, 3) images and returns logits
     * @throws UserException if the network is an autoencoder, or its preprocessing is not known
     */
    public static Model model(Network network) {
        network.requireClassifier();
        Preprocessing preprocessing = network.specification().requirePreprocessing();
        Model model = newModel(network);
        model.setBlock(new RawImageBlock(network.block(), preprocessing, network.classNames()));
        return model;
    }

    /**
     * Returns the translator from images to class probabilities of a network.
     *
     * @param network the network
     * @return the translator
     * @throws UserException if the network's preprocessing is not known
     */
    public static Translator<Image, Classifications> translator(Network network) {
        return new NetworkTranslator(
                network.specification().requirePreprocessing(), network.classNames());
    }

    /**
     * Returns criteria that load the best epoch of a run folder, with the engine that trained it.
     *
     * @param run a run folder
     * @return a builder for images to class probabilities; further options may be added
     * @throws UserException if the folder has no checkpoint, or that of an autoencoder
     */
    public static Criteria.Builder<Image, Classifications> criteria(Path run) {
        Path file = NetworkFactory.checkpoint(run);
        if (file == null) {
            throw new UserException(run + " is not a run folder: it has no checkpoint.");
        }
        try (Checkpoint checkpoint = Checkpoint.open(file)) {
            checkpoint.specification().requireClassifier();
            Engines.require(checkpoint.engine());
            return Criteria.builder()
                    .setTypes(Image.class, Classifications.class)
                    .optModelPath(run)
                    .optEngine(Engines.current().getEngineName())
                    .optArgument("blockFactory", NetworkFactory.class.getName())
                    .optOption("hasParameter", "false") // the factory has read them
                    .optTranslatorFactory(new NetworkTranslatorFactory());
        }
    }

    /**
     * Exports a network to a folder.
     *
     * @param folder the folder, new or empty
     * @param network the network, of 1 or 3 channels
     * @param preprocessing how an image becomes the network's input
     * @throws UserException if the format cannot hold the network or a class name, or the folder is
     *     not empty
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
        // written next to it and then moved, so that the folder is either complete or absent
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
        network.requireClassifier();
        int channels = network.inChannels();
        if (channels != 1 && channels != 3) {
            throw new UserException(
                    "DJL reads images with 1 or 3 channels. Received: a network with "
                            + channels
                            + ".");
        }
        for (String name : network.classNames()) {
            if (name.isBlank() || !name.equals(name.strip()) || name.lines().count() > 1) {
                throw new UserException(
                        "A class name must fit in one line of synset.txt, without leading or trailing spaces."
                                + " Received: '"
                                + name.replace("\n", "\\n")
                                + "'.");
            }
        }
    }

    private static void requireEmpty(Path folder) throws IOException {
        if (!Files.isDirectory(folder)) {
            throw new UserException(folder + " is a file. Choose a new folder.");
        }
        try (Stream<Path> content = Files.list(folder)) {
            if (content.findAny().isPresent()) {
                throw new UserException(folder + " is not empty. Choose a new folder.");
            }
        }
    }

    private static void requireParent(Path folder) {
        if (!Files.isDirectory(folder.getParent())) {
            throw new UserException(
                    "Cannot create "
                            + folder
                            + ": the folder "
                            + folder.getParent()
                            + " does not exist.");
        }
    }

    private static void writeParameters(Path folder, Network network) throws IOException {
        try (Model model = newModel(network)) {
            model.setBlock(network.block());
            model.setProperty("Epoch", "0");
            model.save(folder, network.model());
        }
    }

    private static Model newModel(Network network) {
        NDManager manager = network.manager();
        return Model.newInstance(
                network.model(), manager.getDevice(), manager.getEngine().getEngineName());
    }

    private static List<String> properties(Network network, Preprocessing preprocessing) {
        Map<String, String> entries = new LinkedHashMap<>();
        entries.put(NetworkFactory.ENGINE, network.manager().getEngine().getEngineName());
        entries.put("option.modelName", network.model());
        entries.put("blockFactory", NetworkFactory.class.getName());
        entries.put(NetworkFactory.NETWORK, network.model());
        entries.put(NetworkFactory.CLASSES, Integer.toString(network.classNames().size()));
        entries.put("translatorFactory", NetworkTranslatorFactory.class.getName());
        entries.put(NetworkFactory.PREPROCESSING, preprocessing.toJson());
        // makes DJL's own translator pass images unchanged, for the block to prepare
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
