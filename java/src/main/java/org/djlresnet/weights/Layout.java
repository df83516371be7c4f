package org.djlresnet.weights;

import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import org.djlresnet.model.Classes;
import org.djlresnet.model.Models;
import org.djlresnet.model.Output;
import org.djlresnet.model.StateDict;

/**
 * The names of a network's tensors.
 *
 * @param names all names
 * @param stem the weight of the first convolution, whose second axis is the input channels
 * @param headWeight the weight of the last layer, whose first axis is the classes
 * @param head all tensors of the last layer
 */
record Layout(Set<String> names, String stem, String headWeight, Set<String> head) {

    /** Finds the names of a classifier. */
    static Layout of(Models.Model model) {
        return of(model, Classes.numbered(1));
    }

    /** Finds the names. Parameters are in the order of the forward pass. */
    static Layout of(Models.Model model, Output output) {
        List<String> names = List.copyOf(StateDict.of(model.build(output)).keySet());
        String last = names.get(names.size() - 1);
        String module = last.substring(0, last.lastIndexOf('.') + 1);
        Set<String> head = new LinkedHashSet<>(names);
        head.removeIf(name -> !name.startsWith(module));
        return new Layout(new LinkedHashSet<>(names), names.get(0), module + "weight", head);
    }
}
