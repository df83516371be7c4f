package org.djlresnet.program;

import static org.djlresnet.program.Code.call;

import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import org.djlresnet.graph.Value;

/**
 * The variables that hold the gradients with respect to a graph's values, while code is written.
 */
final class GradientVariables {

    private final Code code;
    private final Map<Value, String> variables = new HashMap<>();

    /** The values whose gradient is an array of its own, which may be overwritten. */
    private final Set<Value> owned = new HashSet<>();

    GradientVariables(Code code) {
        this.code = code;
    }

    /** The variable of a gradient; null if nothing depends on the value so far. */
    String of(Value value) {
        return variables.get(value);
    }

    boolean isOwned(Value value) {
        return owned.contains(value);
    }

    /**
     * Adds to a gradient.
     *
     * @param gradient a variable
     * @param own whether it holds an array that nothing else needs
     */
    void add(Value value, String gradient, boolean own) {
        String other = variables.get(value);
        String sum = gradient;
        if (other != null && own) {
            sum = code.let(gradient, call("add_", gradient, other));
        } else if (other != null) {
            sum = code.let(gradient, call(isOwned(value) ? "add_" : "add", other, gradient));
        }
        variables.put(value, sum);
        if (own || other != null) {
            owned.add(value);
        }
    }

    /** A copy of the variables so far. */
    Map<Value, String> snapshot() {
        return new HashMap<>(variables);
    }
}
