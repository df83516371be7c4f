package org.djlresnet.model;

import ai.djl.Device;
import ai.djl.engine.Engine;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.djlresnet.engine.EngineTraits;

/** Computes the logits of a fixed network for fixed images, on the engine of the process. */
final class EngineLogits {

    private EngineLogits() {}

    /** Writes the engine's name and the logits, one per line. */
    public static void main(String[] args) throws IOException {
        List<String> lines = new ArrayList<>();
        lines.add(Engine.getInstance().getEngineName());
        for (float logit : compute()) {
            lines.add(Float.toString(logit));
        }
        Files.write(Path.of(args[0]), lines);
    }

    static float[] compute() {
        EngineTraits.of(Engine.getInstance()).disableRecording();
        try (Network network =
                        Network.create(
                                "d2l-resnet18", 1, Classes.numbered(10).names(), 7, Device.cpu());
                NDManager manager = NDManager.newBaseManager()) {
            float[] pixels = new float[4 * 28 * 28];
            for (int i = 0; i < pixels.length; i++) {
                pixels[i] = (float) (0.5 + 0.5 * Math.sin(0.01 * i * (1 + i / 784)));
            }
            NDArray images = manager.create(pixels, new Shape(4, 1, 28, 28));
            return network.forward(images, false).toFloatArray();
        }
    }
}
