package org.djlresnet.model;

import ai.djl.nn.Block;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.djlresnet.image.ImageShape;
import org.djlresnet.image.Preprocessing;

/**
 * What the registry knows of a network.
 *
 * @param description a one-line description
 * @param input the usual image shape
 * @param output the usual output
 * @param preprocessing the usual preprocessing
 * @param smallest the least height and width of its images
 * @param options what can follow its name
 * @param factory builds it with some of the options
 */
record Entry(
        String description,
        ImageShape input,
        Output output,
        Preprocessing preprocessing,
        int smallest,
        Map<String, ?> options,
        Factory factory) {

    /** Builds a network. */
    interface Factory {
        Block build(Output output, List<String> options);
    }

    static <B extends NetworkBuilder<B>> Entry of(
            String description,
            ImageShape input,
            Output output,
            Preprocessing preprocessing,
            Supplier<B> builder,
            Map<String, Consumer<B>> options) {
        return new Entry(
                description,
                input,
                output,
                preprocessing,
                builder.get().smallest(),
                options,
                (wanted, chosen) -> {
                    B network = builder.get().setClasses(wanted.size());
                    chosen.forEach(option -> options.get(option).accept(network));
                    return network.build();
                });
    }
}
