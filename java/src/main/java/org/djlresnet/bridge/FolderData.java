package org.djlresnet.bridge;

import java.nio.file.Path;
import java.util.List;
import org.djlresnet.UserException;
import org.djlresnet.data.Examples;
import org.djlresnet.data.ImageStoreWriter;
import org.djlresnet.data.Noise;
import org.djlresnet.data.StoredImages;
import org.djlresnet.image.ImageShape;
import org.djlresnet.image.Preprocessing;
import org.djlresnet.recipe.Recipe;
import org.djlresnet.training.ImageFiles;
import org.djlresnet.training.RunFolder;
import org.djlresnet.training.TrainingRun;

/** What Python calls to train on a folder of images, which it decodes. */
public final class FolderData {

    FolderData() {}

    /**
     * Chooses the preprocessing of a run.
     *
     * @param recipe the recipe as JSON
     * @param channels 1 if all images are grey, else 3
     * @param height the height of all images; 0 if they differ in size
     * @param width the width of all images; 0 if they differ in size
     * @return the JSON text of {@link Preprocessing#toJson}
     * @throws UserException if a setting is invalid
     */
    public String preprocessing(String recipe, int channels, int height, int width) {
        ImageShape shape = height == 0 ? null : new ImageShape(channels, height, width);
        return ImageFiles.preprocessing(Recipe.fromJson(recipe), shape, channels).toJson();
    }

    /**
     * Returns the form in which images are stored.
     *
     * @param preprocessing the preprocessing of a network, as JSON
     * @return its steps that are applied before images are stored, as JSON; empty if there are none
     */
    public String storable(String preprocessing) {
        Preprocessing steps = Preprocessing.of(preprocessing).storable();
        return steps == null ? "" : steps.toJson();
    }

    /**
     * Returns the number of bytes that stored images take.
     *
     * @param preprocessing the preprocessing of a network, as JSON
     * @param shapes C, H and W of each image, one after another
     * @return the number of bytes
     */
    public long bytes(String preprocessing, int[] shapes) {
        return ImageStoreWriter.bytes(Preprocessing.of(preprocessing), shapes);
    }

    /**
     * Creates a file of stored images.
     *
     * @param file the file, which is replaced
     * @param records the number of images
     * @param preprocessing the preprocessing of a network, as JSON
     * @return the writer, for several threads
     */
    public ImageStoreWriter create(String file, int records, String preprocessing) {
        return new ImageStoreWriter(Path.of(file), records, Preprocessing.of(preprocessing));
    }

    /**
     * Opens a file of stored images; see {@link StoredImages#open}.
     *
     * @param file the file
     * @param records the images to use, in this order
     * @param labels the label of each
     * @param paths the original file of each, relative to the folder
     * @param classNames the class names, by label
     * @param fingerprint a checksum of the original files
     * @param preprocessing the preprocessing that they were stored for, as JSON
     * @return the examples
     * @throws UserException if the file is damaged
     */
    public Examples open(
            String file,
            int[] records,
            int[] labels,
            String[] paths,
            String[] classNames,
            String fingerprint,
            String preprocessing) {
        return StoredImages.open(
                Path.of(file),
                records,
                labels,
                List.of(paths),
                List.of(classNames),
                fingerprint,
                Preprocessing.of(preprocessing));
    }

    /**
     * Returns the examples that a run held out for validation.
     *
     * @param recipe the run's recipe as JSON
     * @param train the data before the split
     * @param fingerprint the fingerprint of the run's validation data; null if it is unknown
     * @return the examples; null if these are not the run's data
     * @throws UserException if the data cannot be split as the recipe says
     */
    public Examples heldOut(String recipe, Examples train, String fingerprint) {
        Examples found = ImageFiles.heldOut(Recipe.fromJson(recipe), train);
        boolean same = fingerprint == null || found.fingerprint().equals(fingerprint);
        return same ? found : null;
    }

    /**
     * Returns the examples that a run is trained on.
     *
     * @param recipe the run's recipe as JSON
     * @param train its data before the split
     * @return the first {@code limit}, without those held out for validation
     */
    public Examples trained(String recipe, Examples train) {
        return ImageFiles.trained(Recipe.fromJson(recipe), train);
    }

    /**
     * Checks a new run before its images are decoded; see {@link TrainingRun#check}.
     *
     * @param recipe the recipe as JSON
     * @param train the labels of the training images
     * @param validation the labels of the validation images, or null
     * @param test the labels of the test images, or null
     * @param classNames the class names, by label
     * @param height the height of all images; 0 if they differ in size
     * @param width the width of all images; 0 if they differ in size
     * @param preprocessing the preprocessing of the network, as JSON
     * @throws UserException if a setting does not fit
     */
    public void check(
            String recipe,
            int[] train,
            int[] validation,
            int[] test,
            String[] classNames,
            int height,
            int width,
            String preprocessing) {
        Preprocessing steps = Preprocessing.of(preprocessing);
        ImageShape size = height == 0 ? null : new ImageShape(steps.channels(), height, width);
        ImageShape shape = steps.output(size);
        TrainingRun.check(
                Recipe.fromJson(recipe),
                noise(shape, train, classNames, steps),
                noise(shape, validation, classNames, steps),
                noise(shape, test, classNames, steps));
    }

    private static Examples noise(
            ImageShape shape, int[] labels, String[] classNames, Preprocessing steps) {
        return labels == null ? null : new Noise(shape, labels, List.of(classNames), steps);
    }

    /**
     * Rejects a run folder that is not free, before images are decoded.
     *
     * @param runDir the folder of a new run
     * @throws UserException if it exists and is not empty
     */
    public void requireFree(String runDir) {
        RunFolder.requireFree(Path.of(runDir));
    }

    /**
     * Starts a run; see {@link TrainingRun#prepare(Recipe, Examples, Examples, Examples, Path)}.
     *
     * @param recipe the recipe as JSON
     * @param train the training data
     * @param validation validation data, or null
     * @param test the test data, or null
     * @param runDir the run's folder, or null for {@code runs/<date>-<model>-<dataset>}
     * @return the started run
     * @throws UserException if recipe, data or folder are invalid
     */
    public TrainingHandle train(
            String recipe, Examples train, Examples validation, Examples test, String runDir) {
        Path folder = runDir == null ? null : Path.of(runDir);
        return new TrainingHandle(
                () ->
                        TrainingRun.prepare(
                                Recipe.fromJson(recipe), train, validation, test, folder));
    }
}
