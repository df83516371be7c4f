package org.djlresnet.bridge;

import ai.djl.ndarray.types.Shape;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.djlresnet.UserException;
import org.djlresnet.augment.TestViews;
import org.djlresnet.checkpoint.Checkpoint;
import org.djlresnet.data.Datasets;
import org.djlresnet.data.Examples;
import org.djlresnet.data.ImageDataset;
import org.djlresnet.engine.Devices;
import org.djlresnet.engine.Precision;
import org.djlresnet.evaluation.AutoencoderEvaluation;
import org.djlresnet.evaluation.Evaluator;
import org.djlresnet.figure.MetricsFigure;
import org.djlresnet.image.ImageShape;
import org.djlresnet.image.PixelType;
import org.djlresnet.image.Preprocessing;
import org.djlresnet.model.Classes;
import org.djlresnet.model.Models;
import org.djlresnet.model.Network;
import org.djlresnet.model.Output;
import org.djlresnet.model.ResidualBlocks;
import org.djlresnet.model.Specification;
import org.djlresnet.recipe.Recipe;
import org.djlresnet.training.LrSweep;
import org.djlresnet.training.TrainingRun;

/**
 * The only class that Python calls; it exchanges JSON texts and direct buffers.
 *
 * <p>docs/architecture.md gives the JSON forms.
 */
public final class Bridge {

    private Bridge() {}

    /**
     * Loads and describes the engine.
     *
     * @return versions, engine, devices, threads and heap
     */
    public static String describe() {
        return Descriptions.engine();
    }

    /**
     * Lists the networks.
     *
     * @return a JSON array
     */
    public static String models() {
        return Descriptions.models();
    }

    /**
     * Lists the data sets.
     *
     * @return a JSON array
     */
    public static String datasets() {
        return Descriptions.datasets();
    }

    /**
     * Checks a recipe and adds the default settings.
     *
     * @param recipe a JSON object
     * @return the recipe with all settings
     * @throws UserException if a key or value is not allowed
     */
    public static String completeRecipe(String recipe) {
        return Recipe.fromJson(recipe).toJson();
    }

    /**
     * Returns whether a run may be resumed with more epochs.
     *
     * @param recipe the run's recipe as JSON
     * @return whether {@code epochs} may change
     */
    public static boolean mayExtend(String recipe) {
        return Recipe.fromJson(recipe).mayExtend();
    }

    /**
     * Summarizes a network without creating its parameters.
     *
     * @param model its name
     * @param classes the number of classes, or 0 for the default
     * @param inputShape (N, C, H, W), or empty for the default
     * @param depth the number of levels to list; 1 for the network's own children
     * @return {@code {"model", "input", "layers": [{"name", "type", "output_shape", "parameters",
     *     "multiply_adds"}], "total": {"parameters", "trainable_parameters", "multiply_adds"}}};
     *     multiply-adds are for one example
     * @throws UserException if the name is unknown or the shape does not fit
     */
    public static String summary(String model, int classes, long[] inputShape, int depth) {
        Models.Model entry = Models.get(model);
        Shape input = input(entry, inputShape);
        return Descriptions.summary(
                model, entry.build(output(entry, classes, input)), input, depth);
    }

    /**
     * Returns the programs that a network runs as.
     *
     * @param model its name
     * @param classes the number of classes; 0 for its usual output
     * @param inputShape (N, C, H, W); empty for the network's usual shape
     * @param precision float32, bfloat16 or auto
     * @return the TorchScript of a training step and of an evaluation
     * @throws UserException if an argument is out of range
     */
    public static String program(String model, int classes, long[] inputShape, String precision) {
        Models.Model entry = Models.get(model);
        Shape input = input(entry, inputShape);
        entry.requireSize(input.get(2), input.get(3));
        Output output = output(entry, classes, input);
        return Descriptions.program(entry.build(output), output, input, Precision.of(precision));
    }

    private static Shape input(Models.Model entry, long[] shape) {
        return shape.length == 0 ? Descriptions.shape(entry) : Descriptions.inputShape(shape, null);
    }

    private static Output output(Models.Model entry, int classes, Shape input) {
        if (entry.isAutoencoder() && classes == 0) {
            ImageShape image =
                    new ImageShape((int) input.get(1), (int) input.get(2), (int) input.get(3));
            return entry.outputFor(List.of(), image);
        }
        return classes == 0 ? entry.output() : Classes.numbered(classes);
    }

    /**
     * Opens a shell for cells of Java code.
     *
     * @param classPath the jars that cells can use: those of this JVM
     * @return the shell, which receives Java's standard output and error until closed
     * @throws UserException if this Java has no compiler
     */
    public static JavaCells javaCells(String[] classPath) {
        return new JavaCells(classPath);
    }

    /**
     * Starts a run on a named data set.
     *
     * @param recipe the recipe as JSON
     * @param dataDir the folder of the data set, unless the recipe sets {@code data_dir}
     * @param runDir the run's folder, or null for {@code runs/<date>-<model>-<dataset>}
     * @return the started run
     * @throws UserException if recipe, data or folder are invalid
     */
    public static TrainingHandle train(String recipe, String dataDir, String runDir) {
        return new TrainingHandle(
                () -> TrainingRun.prepare(Recipe.fromJson(recipe), Path.of(dataDir), path(runDir)));
    }

    /**
     * Starts a run on arrays.
     *
     * @param recipe the recipe as JSON
     * @param train the training data
     * @param test the test data
     * @param runDir the run's folder, or null to write no files
     * @return the started run
     * @throws UserException if recipe, data or folder are invalid
     */
    public static TrainingHandle train(
            String recipe, Examples train, Examples test, String runDir) {
        return new TrainingHandle(
                () -> TrainingRun.prepare(Recipe.fromJson(recipe), train, test, path(runDir)));
    }

    /**
     * Starts a sweep over learning rates on a named data set.
     *
     * @param recipe the recipe as JSON
     * @param dataDir the folder of the data set, unless the recipe sets {@code data_dir}
     * @param from the first rate
     * @param to the rate after the last step
     * @param steps the largest number of steps
     * @return the started sweep
     * @throws UserException if recipe, data or rates are invalid
     */
    public static TrainingHandle sweep(
            String recipe, String dataDir, double from, double to, int steps) {
        LrSweep sweep = new LrSweep(from, to, steps);
        return new TrainingHandle(
                () -> TrainingRun.rehearse(Recipe.fromJson(recipe), Path.of(dataDir)), sweep);
    }

    /**
     * Starts a sweep over learning rates on arrays or files.
     *
     * @param recipe the recipe as JSON
     * @param train the training data
     * @param validation validation data, or null
     * @param test the test data, or null
     * @param from the first rate
     * @param to the rate after the last step
     * @param steps the largest number of steps
     * @return the started sweep
     * @throws UserException if recipe, data or rates are invalid
     */
    public static TrainingHandle sweep(
            String recipe,
            Examples train,
            Examples validation,
            Examples test,
            double from,
            double to,
            int steps) {
        LrSweep sweep = new LrSweep(from, to, steps);
        return new TrainingHandle(
                () -> TrainingRun.rehearse(Recipe.fromJson(recipe), train, validation, test),
                sweep);
    }

    /**
     * Resumes a run on a named data set.
     *
     * @param from its folder, or a checkpoint in it
     * @param changes a JSON object of settings to change; only those that do not affect the result
     * @param dataDir the folder of the data set, unless the recipe sets {@code data_dir}
     * @return the resumed run
     * @throws UserException if there is no run to resume, or changes or data do not fit it
     */
    public static TrainingHandle resume(String from, String changes, String dataDir) {
        return new TrainingHandle(
                () -> TrainingRun.resume(Path.of(from), settings(changes), Path.of(dataDir)));
    }

    /**
     * Resumes a run on arrays or on a folder of images.
     *
     * @param from its folder, or a checkpoint in it
     * @param changes a JSON object of settings to change; only those that do not affect the result
     * @param train the training data of the run
     * @param validation its validation data, or null
     * @param test its test data, or null
     * @return the resumed run
     * @throws UserException if there is no run to resume, or changes or data do not fit it
     */
    public static TrainingHandle resume(
            String from, String changes, Examples train, Examples validation, Examples test) {
        return new TrainingHandle(
                () ->
                        TrainingRun.resume(
                                Path.of(from), settings(changes), train, validation, test));
    }

    /**
     * Returns the calls for folders of images.
     *
     * @return an object without state
     */
    public static FolderData folders() {
        return new FolderData();
    }

    /**
     * Describes and shows examples.
     *
     * @param examples the examples
     * @return their sheet
     */
    public static DataSheet sheet(Examples examples) {
        return new DataSheet(examples);
    }

    static Map<String, ?> settings(String json) {
        return JsonParser.parseString(json).getAsJsonObject().asMap();
    }

    private static Path path(String path) {
        return path == null ? null : Path.of(path);
    }

    /**
     * Reads a named data set.
     *
     * @param name its name
     * @param dataDir the folder of its files
     * @param train whether to read the training data, not the test data
     * @return the data
     * @throws UserException if the name is unknown, or files are missing or damaged
     */
    public static Examples dataset(String name, String dataDir, boolean train) {
        return Datasets.read(name, Path.of(dataDir), train);
    }

    /**
     * Returns an image of a data set.
     *
     * @param examples the data set
     * @param index the example
     * @return the image
     * @throws UserException if it cannot be read
     */
    public static ExampleImage image(Examples examples, int index) {
        return new ExampleImage(examples, index);
    }

    /**
     * Wraps arrays as a data set.
     *
     * @param pixels a direct buffer in native order; not copied, so it must not change
     * @param type "uint8" (scaled by 1/255) or "float32"
     * @param shape (N, C, H, W)
     * @param labels a class for each example
     * @param classNames a name for each class
     * @return the data
     * @throws UserException if sizes do not match, or a label or value is out of range
     */
    public static Examples array(
            ByteBuffer pixels, String type, long[] shape, int[] labels, String[] classNames) {
        return ImageDataset.of(pixels, PixelType.of(type), shape, labels, List.of(classNames));
    }

    /**
     * Creates a network with initial weights.
     *
     * @param model its name
     * @param inChannels the number of input channels, or 0 for the default
     * @param classNames a name for each class, or empty for the default classes
     * @param seed the seed of its weights
     * @param device auto, cpu, gpu or gpu:N
     * @return the network
     * @throws UserException if a name is unknown or a number is out of range
     */
    public static NetworkHandle create(
            String model, int inChannels, String[] classNames, long seed, String device) {
        Models.Model entry = Models.get(model);
        Specification specification =
                entry.specification(
                        inChannels == 0 ? entry.input().channels() : inChannels,
                        classNames.length == 0 ? entry.output() : new Classes(List.of(classNames)));
        return new NetworkHandle(Network.create(specification, seed, Devices.of(device)));
    }

    /**
     * Creates a network with initial weights for a data set.
     *
     * @param model its name
     * @param train the training data; images are normalized by their mean and deviation
     * @param seed the seed of its weights
     * @param device auto, cpu, gpu or gpu:N
     * @return the network
     * @throws UserException if the name is unknown, or images differ in size
     */
    public static NetworkHandle create(String model, Examples train, long seed, String device) {
        Specification specification =
                Specification.forTraining(model, train, null, null).normalizedBy(train);
        Network network = Network.create(specification, seed, Devices.of(device));
        network.initialize(train);
        return new NetworkHandle(network);
    }

    /**
     * Reads a trained network.
     *
     * @param checkpoint the file
     * @param device auto, cpu, gpu or gpu:N
     * @param averaged whether it has the average of its weights, if there is one
     * @return the network
     * @throws UserException if the file is missing, damaged or not a checkpoint
     */
    public static NetworkHandle load(String checkpoint, String device, boolean averaged) {
        try (Checkpoint opened = Checkpoint.open(Path.of(checkpoint))) {
            return new NetworkHandle(
                    opened.network(Devices.of(device), averaged), opened.describe());
        }
    }

    /**
     * Imports weights of torchvision, timm or this library.
     *
     * @param file a safetensors file
     * @param options a JSON object: model; in_channels, classes and class_names (null for the
     *     file's); new_head (whether the last layer is new, not the file's); seed; device;
     *     preprocessing (a preset's name or an object; null to detect it); source (the original
     *     path of the file, next to which timm's config.json is expected; null for {@code file})
     * @return the network, or null if the file is a pickle, which only torch can read; the
     *     network's {@code info()} has the key {@code import}: {@code {"taken", "new", "left",
     *     "prefix", "converted", "not_finite", "preprocessing_source"}}, the last of which is
     *     "given", "file", "timm", "torchvision" or null
     * @throws UserException if the file is damaged, or its tensors do not fit the network; the
     *     message lists missing, unexpected and misshapen ones
     */
    public static NetworkHandle importWeights(String file, String options) {
        return WeightsJson.read(file, options);
    }

    /**
     * Evaluates a network.
     *
     * @param network the network
     * @param dataset the data
     * @param batchSize the number of examples in a batch
     * @param bypass the names of residual blocks to bypass, from {@link
     *     NetworkHandle#residualBlocks()}
     * @param preprocessing a preset's name or JSON; null for the network's own
     * @param precision the precision of convolutions and activations: float32, bfloat16 or auto
     * @param views views for test-time augmentation, such as "flip,shift"; null for none
     * @return the JSON text of {@link org.djlresnet.evaluation.Evaluation#toJson}
     * @throws UserException if the data do not fit the network, it has no such block, its
     *     preprocessing is unknown and none is given, or a view is unknown
     */
    public static String evaluate(
            NetworkHandle network,
            Examples dataset,
            int batchSize,
            String[] bypass,
            String preprocessing,
            String precision,
            String views) {
        Network bypassed = network.network();
        bypassed.requireClassifier();
        Preprocessing chosen = bypassed.specification().preprocessing(preprocessing);
        ResidualBlocks.bypass(bypassed.model(), bypassed.block(), List.of(bypass));
        try {
            return Evaluator.evaluate(
                            bypassed,
                            dataset,
                            batchSize,
                            chosen,
                            bypassed.precision(precision),
                            TestViews.of(views))
                    .toJson();
        } finally {
            ResidualBlocks.bypass(bypassed.model(), bypassed.block(), List.of());
        }
    }

    /**
     * Starts to measure a variational autoencoder on a data set.
     *
     * @param network the network
     * @param dataset the examples
     * @param options a JSON object: examples (how many of the first, or null for all), samples (the
     *     numbers of samples of the importance-weighted bounds), seed and batch_size
     * @return the measurement, with the results of {@link AutoencoderEvaluation#measure}
     * @throws UserException if the network is a classifier, or the data do not fit it
     */
    public static MeasurementHandle evaluateVae(
            NetworkHandle network, Examples dataset, String options) {
        JsonObject json = JsonParser.parseString(options).getAsJsonObject();
        JsonElement most = json.get("examples");
        boolean all = most == null || most.isJsonNull() || most.getAsInt() >= dataset.size();
        int[] samples =
                json.getAsJsonArray("samples").asList().stream()
                        .mapToInt(JsonElement::getAsInt)
                        .toArray();
        AutoencoderEvaluation evaluation =
                new AutoencoderEvaluation(
                        network.network(),
                        all
                                ? dataset
                                : dataset.subset(IntStream.range(0, most.getAsInt()).toArray()),
                        json.get("batch_size").getAsInt(),
                        json.get("seed").getAsLong(),
                        samples);
        return new MeasurementHandle(
                "vae-evaluate", evaluation::measure, evaluation::progress, evaluation::stop);
    }

    /**
     * Returns the calls for loss surfaces and Hessians.
     *
     * @param options a JSON object; see the calls
     * @return an object with these options
     */
    public static Landscapes landscapes(String options) {
        return new Landscapes(options);
    }

    /**
     * Draws the metrics of runs as a page that works offline.
     *
     * @param metricsFiles the runs' metrics.csv
     * @param labels a label for each run
     * @param htmlFile the page
     * @throws UserException if a file is missing or malformed
     * @throws IOException if the page cannot be written
     */
    public static void plot(String[] metricsFiles, String[] labels, String htmlFile)
            throws IOException {
        MetricsFigure.write(
                Path.of(htmlFile),
                Arrays.stream(metricsFiles).map(Path::of).toList(),
                List.of(labels));
    }
}
