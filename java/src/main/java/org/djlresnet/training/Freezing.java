package org.djlresnet.training;

import ai.djl.nn.Parameter;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.djlresnet.block.BatchNorm;
import org.djlresnet.model.Network;
import org.djlresnet.model.StateDict;
import org.djlresnet.optimizer.ParameterNames;
import org.djlresnet.recipe.Recipe;
import org.djlresnet.recipe.SettingException;

/**
 * Freezes parameters in some epochs: they have no gradients, and their batch normalizations keep
 * and use their running statistics if the recipe says so.
 */
final class Freezing {

    private final Map<String, Parameter> parameters;
    private final Map<String, BatchNorm> norms;
    private final boolean keepsStatistics;

    /** The parameters that are trained without freezing. */
    private final Set<String> trained = new LinkedHashSet<>();

    private final List<Part> parts = new ArrayList<>();
    private Set<String> frozen = Set.of();

    /** A {@link FreezePart} with the parameters that it names. */
    private record Part(Set<String> names, int from, int to) {}

    /**
     * Reads the setting {@code freeze}.
     *
     * @throws SettingException if it names no parameters, or leaves none to train in an epoch
     */
    Freezing(Network network, Recipe recipe) {
        parameters = network.parameters();
        norms = StateDict.counters(network.block());
        keepsStatistics = recipe.freezeStatistics();
        parameters.forEach(
                (name, parameter) -> {
                    if (parameter.requiresGradient()) {
                        trained.add(name);
                    }
                });
        for (FreezePart part : FreezePart.of(recipe.freeze())) {
            Set<String> names = ParameterNames.select("freeze", part.names(), parameters);
            parts.add(new Part(names, part.from(), part.to()));
        }
        Set<Integer> changes = new HashSet<>(Set.of(0));
        parts.forEach(part -> changes.addAll(List.of(part.from, part.to)));
        for (int epoch : changes) {
            if (epoch < recipe.epochs() && frozen(epoch).containsAll(trained)) {
                throw SettingException.of(
                        "\"freeze\" leaves no parameter to train in epoch %s. Received: '%s'."
                                + " Freeze fewer parameters.",
                        epoch + 1, recipe.freeze());
            }
        }
    }

    private Set<String> frozen(int epoch) {
        Set<String> names = new HashSet<>();
        for (Part part : parts) {
            if (part.from <= epoch && epoch < part.to) {
                names.addAll(part.names);
            }
        }
        names.retainAll(trained);
        return names;
    }

    /** Returns whether an epoch trains other parameters than the last {@link #apply}. */
    boolean changes(int epoch) {
        return !frozen(epoch).equals(frozen);
    }

    /**
     * Freezes the parameters of an epoch, and no others.
     *
     * @param epoch the number of completed epochs
     */
    void apply(int epoch) {
        apply(frozen(epoch));
    }

    /** Freezes nothing. */
    void release() {
        apply(Set.of());
    }

    private void apply(Set<String> names) {
        for (String name : trained) {
            boolean freeze = names.contains(name);
            if (freeze == parameters.get(name).requiresGradient()) {
                parameters.get(name).freeze(freeze);
            }
        }
        norms.forEach(
                (counter, norm) -> {
                    String module =
                            counter.substring(0, counter.length() - StateDict.COUNTER.length());
                    norm.keepStatistics(keepsStatistics && isFrozen(module, names));
                });
        frozen = names;
    }

    /** Returns whether names contain all trainable parameters of a module. */
    private boolean isFrozen(String module, Set<String> names) {
        List<String> own = trained.stream().filter(name -> name.startsWith(module)).toList();
        return !own.isEmpty() && names.containsAll(own);
    }
}
