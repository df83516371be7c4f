package org.djlresnet.landscape;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.Reader;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Compares with Hessians that tests/golden/hessian.py computed densely. */
class HessianTest {

    private static final JsonObject GOLDEN = read();

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
    @ValueSource(strings = {"gelu", "relu"})
    void study(String activation) {
        JsonObject golden = GOLDEN.getAsJsonObject(activation);
        for (double step = 1e-1; step > 2e-6; step /= 10) {
            try (TinyNetwork network = new TinyNetwork(activation);
                    HessianProducts products = network.products(step, 10);
                    NDManager scope = network.manager().newSubManager()) {
                float[] values = new float[(int) products.size()];
                for (int i = 0; i < values.length; i++) {
                    values[i] = (float) Math.cos(0.9 * i);
                }
                HessianProducts.Gradient g = products.gradient(scope);
                NDArray product = products.times(scope.create(values), scope, () -> false);
                JsonArray expected = golden.getAsJsonArray("product");
                double error = 0;
                double norm = 0;
                float[] actual = product.toFloatArray();
                for (int i = 0; i < actual.length; i++) {
                    double e = expected.get(i).getAsDouble();
                    error += (actual[i] - e) * (actual[i] - e);
                    norm += e * e;
                }
                Hessian.Options options = new Hessian.Options(100, 0.001, 200, step, 0);
                JsonObject result =
                        new Hessian(null, "{}", options)
                                .run(products, network.manager());
                System.out.println(
                        activation
                                + " "
                                + step
                                + " loss "
                                + g.loss()
                                + " norm "
                                + HessianProducts.norm(g.vector())
                                + " product error "
                                + Math.sqrt(error / norm)
                                + " "
                                + result);
            }
        }
    }
}
