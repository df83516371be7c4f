package org.djlresnet.training;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.stream.IntStream;
import org.djlresnet.UserException;
import org.djlresnet.data.EpochOrder;
import org.djlresnet.data.Examples;
import org.djlresnet.data.SplitMix64;
import org.djlresnet.recipe.Recipe;
import org.djlresnet.recipe.SettingException;

/** Chooses the training examples that are held out for validation. */
final class ValidationSplit {

    /** Separates this random stream from those of weights, order and blocks. */
    private static final long STREAM = "validation".hashCode();

    private ValidationSplit() {}

    /**
     * Chooses the examples.
     *
     * @param recipe the recipe with validation and seed
     * @param train the training data
     * @return the held-out examples' indices in ascending order, or null if there is no split
     * @throws UserException if either part would have too few examples, or the file of indices is
     *     invalid
     */
    static int[] indices(Recipe recipe, Examples train) {
        int[] heldOut;
        if (recipe.validationFraction() != null) {
            heldOut = stratified(recipe.validationFraction(), recipe.seed(), train);
        } else if (recipe.validationFile() != null) {
            heldOut = read(Path.of(recipe.validationFile()), train.size());
        } else {
            return null;
        }
        if (heldOut.length < 1 || train.size() - heldOut.length < 2) {
            boolean usual =
                    AutoencoderSettings.isAutoencoder(recipe)
                            && AutoencoderSettings.VALIDATION.equals(recipe.validationFraction());
            throw SettingException.of(
                    "%s leaves too few examples. Received: %s of %s training"
                            + " examples held out. Allowed: at least 1 held out and 2 to"
                            + " train on. Set another \"validation\", or give more images.",
                    usual
                            ? "An autoencoder holds out a tenth of the training images unless"
                                    + " \"validation\" is set, which"
                            : "\"validation\"",
                    heldOut.length,
                    train.size());
        }
        return heldOut;
    }

    /**
     * Warns of classes that a split of a folder cannot measure.
     *
     * @return the warning, or null if each class has held-out examples
     */
    static String unmeasured(Recipe recipe, Examples heldOut) {
        if (!recipe.isFolder() || recipe.validationFraction() == null) {
            return null;
        }
        BitSet present = new BitSet();
        for (int i = 0; i < heldOut.size(); i++) {
            present.set(heldOut.label(i));
        }
        List<String> classes = heldOut.classNames();
        int others = classes.size() - present.cardinality() - 1;
        if (others < 0) {
            return null;
        }
        return "No image of class '"
                + classes.get(present.nextClearBit(0))
                + "' is held out"
                + (others == 0 ? "" : ", nor of " + others + " other" + (others > 1 ? "s" : ""))
                + ", because it has too few.";
    }

    /**
     * Draws the same fraction of each class, rounded to whole examples; each class keeps one for
     * training.
     */
    private static int[] stratified(double fraction, long seed, Examples train) {
        List<List<Integer>> byClass = new ArrayList<>();
        train.classNames().forEach(name -> byClass.add(new ArrayList<>()));
        for (int i = 0; i < train.size(); i++) {
            byClass.get(train.label(i)).add(i);
        }
        BitSet chosen = new BitSet(train.size());
        for (int label = 0; label < byClass.size(); label++) {
            List<Integer> members = byClass.get(label);
            int[] order = EpochOrder.of(SplitMix64.mix(seed, STREAM), label, members.size());
            long count = Math.min(Math.round(fraction * members.size()), members.size() - 1);
            for (int i = 0; i < count; i++) {
                chosen.set(members.get(order[i]));
            }
        }
        return chosen.stream().toArray();
    }

    private static int[] read(Path file, int size) {
        List<String> lines;
        try {
            // reading a pipe could block forever
            lines = Files.isRegularFile(file) ? Files.readAllLines(file) : null;
        } catch (IOException unreadable) {
            lines = null;
        }
        if (lines == null) {
            throw SettingException.of(
                    "\"validation\" names a file that cannot be read. Received: %s. Allowed: "
                            + "a number above 0 and below 1, such as 0.1, or a text file with one "
                            + "index per line.",
                    file);
        }
        BitSet chosen = new BitSet(size);
        for (int i = 0; i < lines.size(); i++) {
            // some editors write a byte order mark at the start of a file
            String line = lines.get(i).replace("\ufeff", "").strip();
            if (line.isEmpty()) {
                continue;
            }
            int index = line.matches("\\d{1,9}") ? Integer.parseInt(line) : -1;
            if (index < 0 || index >= size) {
                throw UserException.of(
                        "%s, line %s: not the index of a training example. Received: %s."
                                + " Allowed: a whole number from 0 to %s.",
                        file, i + 1, line, size - 1);
            }
            if (chosen.get(index)) {
                throw UserException.of(
                        "%s, line %s: the index %s is repeated. Give each index once.",
                        file, i + 1, index);
            }
            chosen.set(index);
        }
        return chosen.stream().toArray();
    }

    /** Returns the other indices in ascending order. */
    static int[] others(int[] heldOut, int size) {
        BitSet chosen = new BitSet(size);
        IntStream.of(heldOut).forEach(chosen::set);
        return IntStream.range(0, size).filter(i -> !chosen.get(i)).toArray();
    }
}
