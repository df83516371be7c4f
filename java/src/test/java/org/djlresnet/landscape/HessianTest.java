package org.djlresnet.landscape;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.Reader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.djlresnet.UserException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Compares with Hessians that tests/golden/hessian.py computed densely. */
class HessianTest {

    private static final JsonObject GOLDEN = read();
    private static final double STEP = 1e-4;
    private static final Hessian.Options OPTIONS = new Hessian.Options(60, 1e-3, 100, STEP, 0);

    private static JsonObject read() {
        try (Reader reader =
                new InputStreamReader(
                        HessianTest.class.getResourceAsStream("/golden/hessian.json"),
                        StandardCharsets.UTF_8)) {
            return JsonParser.parseReader(reader).getAsJsonObject().getAsJsonObject("networks");
        } catch (IOException impossible) {
            throw new IllegalStateException(impossible);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"gelu", "relu", "max"})
    void productEqualsTheDenseHessians(String kind) {
        try (TinyNetwork network = new TinyNetwork(kind);
                // batches of 10, 10 and 4 examples
                HessianProducts products = network.products(STEP, 10);
                NDManager scope = network.manager().newSubManager()) {
            float[] vector = new float[(int) products.size()];
            for (int i = 0; i < vector.length; i++) {
                vector[i] = (float) Math.cos(0.9 * i);
            }
            NDArray product = products.times(scope.create(vector), scope, () -> false);
            double error = 0;
            double norm = 0;
            for (int i = 0; i < vector.length; i++) {
                double expected =
                        GOLDEN.getAsJsonObject(kind).getAsJsonArray("product").get(i).getAsDouble();
                error += Math.pow(product.getFloat(i) - expected, 2);
                norm += expected * expected;
            }
            assertEquals(0, Math.sqrt(error / norm), 5e-3);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"gelu", "relu", "max"})
    void resultsEqualThoseOfTheDenseHessian(String kind) {
        JsonObject golden = GOLDEN.getAsJsonObject(kind);
        try (TinyNetwork network = new TinyNetwork(kind);
                HessianProducts products = network.products(STEP, 24)) {
            JsonObject found = new Hessian(null, "{}", OPTIONS).run(products, network.manager());
            assertEquals(293, found.get("parameters").getAsInt());
            for (String name : List.of("loss", "gradient_norm")) {
                assertEquals(golden.get(name).getAsDouble(), found.get(name).getAsDouble(), 1e-5);
            }
            for (String name : List.of("largest", "smallest")) {
                double expected = golden.get(name).getAsDouble();
                assertEquals(expected, found.get(name).getAsDouble(), 5e-3 * Math.abs(expected));
                double residual = found.getAsJsonObject("residuals").get(name).getAsDouble();
                assertEquals(0, residual, 5e-3 * Math.abs(expected));
            }
            // the variance of vᵀHv over random signs v
            double variance =
                    2
                            * (golden.get("square").getAsDouble()
                                    - golden.get("diagonal_square").getAsDouble());
            double error = Math.sqrt(variance / OPTIONS.samples());
            assertEquals(error, found.get("trace_error").getAsDouble(), error / 4);
            assertEquals(
                    golden.get("trace").getAsDouble(), found.get("trace").getAsDouble(), 3 * error);
        }
    }

    @Test
    void resumedMeasurementHasTheSameResults(@TempDir Path folder) throws IOException {
        Path once = folder.resolve("once");
        Path often = folder.resolve("often");
        measure(once, Integer.MAX_VALUE);
        assertFalse(Files.exists(once.resolve("products")));
        // stopped before the first product, among the eigenvalues, and in the trace
        for (int products : new int[] {0, 3, 4, 30, 50}) {
            assertNull(measure(often, products));
        }
        JsonObject result = measure(often, Integer.MAX_VALUE);
        assertEquals(
                Files.readString(once.resolve("hessian.json")),
                Files.readString(often.resolve("hessian.json")));
        assertEquals(
                Files.readString(once.resolve("trace.csv")),
                Files.readString(often.resolve("trace.csv")));
        assertFalse(Files.exists(often.resolve("products")));
        // a complete one computes nothing
        assertEquals(result, measure(often, 0));
    }

    /** Measures, and stops after some new products. */
    private static JsonObject measure(Path folder, int products) {
        try (TinyNetwork network = new TinyNetwork("relu")) {
            Hessian[] hessian = {new Hessian(folder, "{\"kind\":\"hessian\"}", OPTIONS)};
            int[] left = {products};
            if (products == 0) {
                hessian[0].stop();
            }
            // each product takes the batches once; the first pass is the gradient
            try (HessianProducts stopping =
                    network.products(
                            STEP,
                            24,
                            () -> {
                                if (left[0]-- == 0) {
                                    hessian[0].stop();
                                }
                            })) {
                return hessian[0].run(stopping, network.manager());
            }
        }
    }

    @Test
    void anotherMeasurementIsRejected(@TempDir Path folder) {
        measure(folder, 2);
        Hessian other =
                new Hessian(
                        folder,
                        "{\"kind\":\"hessian\"}",
                        new Hessian.Options(60, 1e-3, 100, STEP, 1));
        try (TinyNetwork network = new TinyNetwork("relu");
                HessianProducts products = network.products(STEP, 24)) {
            UserException rejected =
                    assertThrows(UserException.class, () -> other.run(products, network.manager()));
            assertTrue(rejected.getMessage().contains("seed 1 instead of 0"));
        }
    }

    @Test
    void aFolderInUseIsRejected(@TempDir Path folder) throws IOException {
        try (HessianFolder used = new HessianFolder(folder)) {
            used.settle(new JsonObject());
            UserException rejected =
                    assertThrows(UserException.class, () -> measure(folder, Integer.MAX_VALUE));
            assertTrue(rejected.getMessage().startsWith("Another process is measuring"));
        }
    }

    @Test
    void eigenvaluesOfAMatrixHaveNoCopies() {
        try (NDManager manager = NDManager.newBaseManager()) {
            int n = 40;
            float[] diagonal = new float[n];
            float[] start = new float[n];
            for (int i = 0; i < n; i++) {
                diagonal[i] = i == 0 ? 1000 : i == 1 ? -5 : i * 0.1f;
                start[i] = 1;
            }
            NDArray matrix = manager.create(diagonal);
            try (Lanczos lanczos = new Lanczos(manager, manager.create(start), 100)) {
                while (!lanczos.ended()) {
                    lanczos.add(lanczos.next(manager).mul(matrix));
                }
                // without reorthogonalization, 1000 would return and the method would not end at n
                assertTrue(lanczos.done() <= n);
                assertEquals(1000, lanczos.largest().value(), 1e-3);
                assertEquals(-5, lanczos.smallest().value(), 1e-4);
                float[] vector = lanczos.vector(lanczos.smallest(), manager).toFloatArray();
                assertEquals(1, Math.abs(vector[1]), 1e-4);
            }
        }
    }

    @Test
    void lanczosEndsInAnInvariantSubspace() {
        try (NDManager manager = NDManager.newBaseManager()) {
            NDArray matrix = manager.create(new float[] {3, 1, -2, 7, 8});
            NDArray start = manager.create(new float[] {1, 1, 1, 0, 0});
            try (Lanczos lanczos = new Lanczos(manager, start, 5)) {
                while (!lanczos.ended()) {
                    lanczos.add(lanczos.next(manager).mul(matrix));
                }
                assertEquals(3, lanczos.done());
                assertEquals(3, lanczos.largest().value(), 1e-5);
                assertEquals(0, lanczos.largest().residual(), 1e-5);
                assertEquals(-2, lanczos.smallest().value(), 1e-5);
            }
        }
    }
}
