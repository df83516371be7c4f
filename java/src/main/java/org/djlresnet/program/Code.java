package org.djlresnet.program;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;
import org.djlresnet.graph.Value;
import org.djlresnet.graph.Window;

/**
 * The body of a TorchScript method: its lines, and the variables that hold a graph's values. Each
 * variable is assigned once.
 */
final class Code {

    private static final Pattern NO_WORD = Pattern.compile("\\W+");

    /** The names of arguments and modules, and the words of the language. */
    private static final String TAKEN =
            "self x y q p g gates noise weight second share labels torch ops float annotate"
                    + " unchecked_cast if elif else for while in is and or not def return pass with"
                    + " as assert break continue del global import from raise None True False class"
                    + " lambda";

    private final List<String> lines = new ArrayList<>();
    private final Map<Value, String> variables = new HashMap<>();

    private final Set<String> taken = new HashSet<>(List.of(TAKEN.split(" ")));
    private final Map<String, Integer> numbers = new HashMap<>();
    private final Map<Integer, Alternative> alternatives = new LinkedHashMap<>();
    private Alternative open;
    private int ignored;

    /**
     * The other side of an if.
     *
     * @param assigned the variables of the first side
     * @param values their values here; where nothing uses a variable it needs none
     */
    private record Alternative(List<String> assigned, Map<String, String> values) {}

    /** Writes a comment that names what follows. */
    void comment(String text) {
        line("# " + text);
    }

    /** Writes the computation of a value; returns its variable. */
    String set(Value value, String expression) {
        String name = let(value.name(), expression);
        variables.put(value, name);
        return name;
    }

    /** Writes the computation of something that is no value of the graph; returns its variable. */
    String let(String name, String expression) {
        String free = fresh(name);
        line(free + " = " + expression);
        return free;
    }

    /** Writes the computation of several results; returns their variables. */
    List<String> unpack(List<String> names, String expression) {
        List<String> free = names.stream().map(this::fresh).toList();
        line(String.join(", ", free) + ", = " + expression);
        return free;
    }

    /** Writes a call for its effect. */
    void run(String expression) {
        line("_" + ignored++ + " = " + expression);
    }

    void result(String expression) {
        line("return " + expression);
    }

    /** Writes an if, which {@link #end} ends. */
    void begin(String condition) {
        line("if " + condition + ":");
        open = new Alternative(new ArrayList<>(), new HashMap<>());
    }

    /**
     * Ends an if.
     *
     * @param values what the variables assigned in it hold otherwise
     * @param fallback what the others hold otherwise, if anything reads them later
     */
    void end(Map<String, String> values, String fallback) {
        open.assigned.forEach(name -> open.values.put(name, values.getOrDefault(name, fallback)));
        alternatives.put(lines.size(), open);
        open = null;
    }

    /** Lets a variable hold a value, too. */
    void alias(Value value, String variable) {
        variables.put(value, variable);
    }

    /** The variable of a value; None for no value. */
    String of(Value value) {
        return value == null ? "None" : variables.get(value);
    }

    private void line(String text) {
        lines.add((open == null ? "    " : "      ") + text);
    }

    private String fresh(String name) {
        String word = NO_WORD.matcher(name).replaceAll("_");
        if (Character.isDigit(word.charAt(0))) {
            word = "v" + word;
        }
        String free = word;
        while (!taken.add(free)) {
            free = word + "_" + numbers.merge(word, 1, Integer::sum);
        }
        if (open != null) {
            open.assigned.add(free);
        }
        return free;
    }

    /** A list of two numbers. */
    static String pair(Window.Pair pair) {
        return "[" + pair.height() + ", " + pair.width() + "]";
    }

    static String call(String function, Object... arguments) {
        StringBuilder text = new StringBuilder("torch.").append(function).append('(');
        for (int i = 0; i < arguments.length; i++) {
            text.append(i == 0 ? "" : ", ").append(arguments[i]);
        }
        return text.append(')').toString();
    }

    /** A number as TorchScript writes floating-point constants. */
    static String number(double value) {
        return String.format(Locale.ROOT, "%.17g", value);
    }

    static String bool(boolean truth) {
        return truth ? "True" : "False";
    }

    @Override
    public String toString() {
        Map<String, Integer> lastUses = new HashMap<>();
        for (int i = 0; i < lines.size(); i++) {
            for (String word : NO_WORD.split(lines.get(i))) {
                lastUses.put(word, i);
            }
        }
        List<String> all = new ArrayList<>();
        for (int i = 0; i <= lines.size(); i++) {
            if (alternatives.containsKey(i)) {
                Alternative alternative = alternatives.get(i);
                all.add("    else:");
                int before = all.size();
                for (String name : alternative.assigned) {
                    if (lastUses.get(name) >= i) {
                        all.add("      " + name + " = " + alternative.values.get(name));
                    }
                }
                if (all.size() == before) {
                    all.add("      pass");
                }
            }
            if (i < lines.size()) {
                all.add(lines.get(i));
            }
        }
        return String.join("\n", all) + "\n";
    }
}
