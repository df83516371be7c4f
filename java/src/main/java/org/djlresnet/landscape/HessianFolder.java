package org.djlresnet.landscape;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import com.google.gson.JsonObject;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.OverlappingFileLockException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import org.djlresnet.AtomicFile;
import org.djlresnet.InputFile;
import org.djlresnet.UserException;
import org.djlresnet.checkpoint.SafetensorsFile;
import org.djlresnet.checkpoint.Tensor;
import org.djlresnet.model.TensorBytes;

/** The files of a {@link Hessian}: {@code hessian.json}, and each product until it has results. */
final class HessianFolder implements AutoCloseable {

    static final String NAME = "hessian.json";

    /** The keys of the results, and those that do not change them. */
    private static final Set<String> FREE =
            Set.of(
                    "versions",
                    "parameters",
                    "loss",
                    "gradient_norm",
                    "iterations",
                    "largest",
                    "smallest",
                    "residuals",
                    "converged",
                    "trace",
                    "trace_error");

    private static final String PRODUCT = "product";
    private static final String PRODUCTS = "products";
    private static final String SAMPLES = "trace.csv";
    private static final String HEADER = "sample,trace\n";

    private final Path folder;
    private final Path products;
    private final Path samples;
    private FileChannel lock;

    HessianFolder(Path folder) {
        this.folder = folder;
        products = folder.resolve(PRODUCTS);
        samples = folder.resolve(SAMPLES);
    }

    /**
     * Creates the folder, or checks that it is for the same measurement, and locks it until it is
     * closed or the process ends.
     *
     * @param info the measurement
     * @return the content of {@code hessian.json}, with results if there are any
     * @throws UserException if it is for another measurement, or another process has locked it
     */
    JsonObject settle(JsonObject info) throws IOException {
        Files.createDirectories(folder);
        lock();
        return LandscapeInfo.settle(folder.resolve(NAME), info, FREE, PRODUCTS, SAMPLES);
    }

    private void lock() throws IOException {
        lock = InputFile.openLock(folder.resolve("hessian.lock"));
        try {
            if (lock.tryLock() != null) {
                return;
            }
        } catch (OverlappingFileLockException inThisProcess) {
            // as by another process
        }
        throw new UserException(
                "Another process is measuring the Hessian in "
                        + folder
                        + ". Wait until it has ended, or choose another folder.");
    }

    @Override
    public void close() throws IOException {
        if (lock != null) {
            lock.close();
            lock = null;
        }
    }

    /**
     * Reads a product.
     *
     * @return the product, float32; null if it was not written, or is damaged
     */
    NDArray read(int index, NDManager manager) {
        Path file = file(index);
        if (!Files.exists(file)) {
            return null;
        }
        try (SafetensorsFile opened = SafetensorsFile.read(file)) {
            if (!opened.verify() || !opened.tensors().containsKey(PRODUCT)) {
                return null;
            }
            Shape shape = new Shape(opened.tensors().get(PRODUCT).shape());
            return TensorBytes.toArray(manager, opened.data(PRODUCT), shape);
        } catch (UserException damaged) {
            return null;
        }
    }

    void write(int index, NDArray product, NDManager scope) throws IOException {
        Files.createDirectories(products);
        SafetensorsFile.write(file(index), Map.of(), List.of(Tensor.of(PRODUCT, product, scope)));
    }

    private Path file(int index) {
        return products.resolve(String.format(Locale.ROOT, "%04d.safetensors", index));
    }

    /** Reads the samples of the trace. */
    List<Double> samples() throws IOException {
        InputFile.requireNoPipe(samples);
        List<Double> values = new ArrayList<>();
        if (!Files.exists(samples)) {
            return values;
        }
        for (String line : Files.readAllLines(samples, StandardCharsets.ISO_8859_1)) {
            if (HEADER.strip().equals(line)) {
                continue;
            }
            try {
                values.add(Double.valueOf(line.substring(line.indexOf(',') + 1)));
            } catch (NumberFormatException malformed) {
                throw new UserException(
                        samples
                                + " has a malformed line. Received: "
                                + line
                                + ". Remove the file; its samples are then computed again.",
                        malformed);
            }
        }
        return values;
    }

    void write(List<Double> values) throws IOException {
        StringBuilder text = new StringBuilder(HEADER);
        for (int i = 0; i < values.size(); i++) {
            text.append(i).append(',').append(values.get(i)).append('\n');
        }
        AtomicFile.write(samples, text.toString());
    }

    /** Writes the results and deletes the products. */
    void finish(JsonObject results) throws IOException {
        AtomicFile.write(folder.resolve(NAME), LandscapeInfo.text(results));
        if (!Files.isDirectory(products)) {
            return;
        }
        try (DirectoryStream<Path> files =
                Files.newDirectoryStream(products, "[0-9]*.safetensors")) {
            for (Path file : files) {
                Files.deleteIfExists(file);
            }
        }
        try (DirectoryStream<Path> rest = Files.newDirectoryStream(products)) {
            if (!rest.iterator().hasNext()) {
                Files.deleteIfExists(products);
            }
        }
    }
}
