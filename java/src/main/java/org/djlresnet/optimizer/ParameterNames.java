package org.djlresnet.optimizer;

import ai.djl.nn.Parameter;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Predicate;
import java.util.regex.Pattern;
import org.djlresnet.NearestName;
import org.djlresnet.recipe.SettingException;

/** Selects parameters by the names that settings use for them. */
public final class ParameterNames {

    /** A parameter of a numbered block, such as {@code layer1.0.conv1.weight}. */
    private static final Pattern NUMBERED = Pattern.compile("[^.]+\\.\\d+\\..+");

    private static final Set<Parameter.Type> NOT_NORM =
            EnumSet.of(Parameter.Type.WEIGHT, Parameter.Type.BIAS, Parameter.Type.OTHER);

    private ParameterNames() {}

    /**
     * Selects parameters.
     *
     * @param setting the setting's name, for messages
     * @param name {@code weight} (of convolutions and linear layers), {@code bias} (of all layers),
     *     {@code norm} (batch normalization), {@code head} (the last layer), {@code body} (all but
     *     the last layer), {@code stem} (all before the first numbered block), or the beginning of
     *     parameters' names up to a dot, such as {@code layer1} or {@code fc.bias}
     * @param parameters a network's parameters by name, in the order of the forward pass
     * @return the names of the selected parameters, running statistics included; not empty
     * @throws SettingException if there are none
     */
    public static Set<String> select(
            String setting, String name, Map<String, Parameter> parameters) {
        Set<String> selected = matching(parameters, key -> startsWith(key, name));
        if (selected.isEmpty()) {
            selected = ofKind(name, parameters);
        }
        if (selected.isEmpty()) {
            Set<String> known = beginnings(parameters.keySet());
            String nearest = NearestName.find(name, known);
            throw SettingException.of(
                    "\"%s\" names no parameters of the network. Received: '%s'. Allowed: %s, or"
                            + " the beginning of a parameter's name.%s",
                    setting,
                    name,
                    String.join(", ", known.stream().filter(one -> !one.contains(".")).toList()),
                    nearest == null ? "" : " Did you mean '" + nearest + "'?");
        }
        return selected;
    }

    private static Set<String> ofKind(String name, Map<String, Parameter> parameters) {
        List<String> names = List.copyOf(parameters.keySet());
        // the scale of an autoencoder's likelihood belongs to no layer
        String last =
                names.stream()
                        .filter(key -> parameters.get(key).getType() != Parameter.Type.OTHER)
                        .reduce((before, after) -> after)
                        .orElse(".");
        String head = last.substring(0, last.lastIndexOf('.') + 1);
        return switch (name) {
            case "weight" ->
                    matching(
                            parameters,
                            key -> parameters.get(key).getType() == Parameter.Type.WEIGHT);
            case "bias" ->
                    matching(
                            parameters,
                            key ->
                                    parameters.get(key).getType() == Parameter.Type.BIAS
                                            || parameters.get(key).getType()
                                                    == Parameter.Type.BETA);
            case "norm" ->
                    matching(parameters, key -> !NOT_NORM.contains(parameters.get(key).getType()));
            case "head" -> matching(parameters, key -> key.startsWith(head));
            case "body" ->
                    matching(
                            parameters,
                            key ->
                                    !key.startsWith(head)
                                            && parameters.get(key).getType()
                                                    != Parameter.Type.OTHER);
            case "stem" -> stem(names);
            default -> Set.of();
        };
    }

    private static Set<String> stem(List<String> names) {
        Set<String> stem = new LinkedHashSet<>();
        for (String name : names) {
            if (NUMBERED.matcher(name).matches()) {
                return stem;
            }
            stem.add(name);
        }
        // without numbered blocks, the end of the stem is unknown
        return Set.of();
    }

    private static Set<String> matching(
            Map<String, Parameter> parameters, Predicate<String> matches) {
        Set<String> names = new LinkedHashSet<>(parameters.keySet());
        names.removeIf(matches.negate());
        return names;
    }

    private static boolean startsWith(String key, String beginning) {
        return key.equals(beginning) || key.startsWith(beginning + ".");
    }

    /** Returns all names that select a parameter. */
    private static Set<String> beginnings(Set<String> names) {
        Set<String> all = new LinkedHashSet<>(List.of("weight", "bias", "norm", "head", "body"));
        List<String> ordered = new ArrayList<>(names);
        if (!stem(ordered).isEmpty()) {
            all.add("stem");
        }
        Set<String> modules = new TreeSet<>();
        for (String name : ordered) {
            for (int dot = name.indexOf('.'); dot > 0; dot = name.indexOf('.', dot + 1)) {
                modules.add(name.substring(0, dot));
            }
        }
        all.addAll(modules);
        return all;
    }
}
