package org.djlresnet;

import ai.djl.ndarray.types.Shape;
import java.nio.charset.StandardCharsets;
import java.util.zip.CRC32;
import org.djlresnet.data.SplitMix64;

/** Computes values from names as tests/golden/formula.py does. */
public final class FormulaValues {

    private FormulaValues() {}

    /**
     * Computes uniform values.
     *
     * @param name a name
     * @param size the number of values
     * @return multiples of 2^-24 in [0, 1)
     */
    public static double[] uniform(String name, int size) {
        CRC32 crc = new CRC32();
        crc.update(name.getBytes(StandardCharsets.UTF_8));
        SplitMix64 random = new SplitMix64(crc.getValue());
        double[] values = new double[size];
        for (int i = 0; i < size; i++) {
            values[i] = random.nextFloat();
        }
        return values;
    }

    /**
     * Computes a network's tensor, in double precision until the last step.
     *
     * @param name its name
     * @param shape its shape
     * @return the values
     */
    public static float[] weights(String name, Shape shape) {
        double[] uniform = uniform(name, (int) shape.size());
        float[] values = new float[uniform.length];
        for (int i = 0; i < values.length; i++) {
            double u = uniform[i];
            if (name.endsWith("running_var")) {
                values[i] = (float) (0.5 + u);
            } else if (shape.dimension() > 1) {
                values[i] = (float) ((2 * u - 1) * Math.sqrt(6.0 / (shape.size() / shape.get(0))));
            } else if (name.endsWith("weight")) {
                values[i] = (float) (0.5 + 0.5 * u);
            } else {
                values[i] = (float) (0.02 * (2 * u - 1));
            }
        }
        return values;
    }
}
