package org.djlresnet.model;

import ai.djl.ndarray.types.Shape;
import org.djlresnet.block.BatchNorm;
import org.djlresnet.block.Layers;
import org.djlresnet.block.NamedChain;

/** The first layers of a residual network, from the image to the first block. */
public enum Stem {
    /** A 7×7 convolution and a 3×3 max pooling, both with stride 2, for photographs. */
    STANDARD {
        @Override
        void addTo(NamedChain network, int channels, float momentum) {
            network.add("conv1", Layers.convolution(channels, 7, new Shape(2, 2), false));
            finish(network, momentum);
            network.append("maxpool", Layers.maxPool(3, 2, 1));
        }
    },
    /**
     * Three 3×3 convolutions, the first with stride 2, the first two with half the channels, and
     * max pooling (ResNet-D: He T. et al., "Bag of Tricks", 2018).
     */
    DEEP {
        @Override
        void addTo(NamedChain network, int channels, float momentum) {
            NamedChain convolutions = network.add("conv1", new NamedChain());
            int half = Math.max(1, channels / 2);
            convolutions.add("0", "conv", Layers.convolution(half, 3, new Shape(2, 2), false));
            convolutions.add("1", "bn", new BatchNorm(momentum, false));
            convolutions.append("relu", Layers.relu());
            convolutions.add("3", "conv", Layers.convolution(half, 3, new Shape(1, 1), false));
            convolutions.add("4", "bn", new BatchNorm(momentum, false));
            convolutions.append("relu", Layers.relu());
            convolutions.add("6", "conv", Layers.convolution(channels, 3, new Shape(1, 1), false));
            finish(network, momentum);
            network.append("maxpool", Layers.maxPool(3, 2, 1));
        }
    },
    /** A 3×3 convolution with stride 1, for small images such as CIFAR's. */
    SMALL {
        @Override
        void addTo(NamedChain network, int channels, float momentum) {
            network.add("conv1", Layers.convolution(channels, 3, new Shape(1, 1), false));
            finish(network, momentum);
        }
    };

    /** Appends the stem's layers to a network. */
    abstract void addTo(NamedChain network, int channels, float momentum);

    private static void finish(NamedChain network, float momentum) {
        network.add("bn1", new BatchNorm(momentum, false));
        network.append("relu", Layers.relu());
    }
}
