package org.djlresnet.training;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.nn.Block;
import ai.djl.training.GradientCollector;
import ai.djl.training.ParameterStore;
import com.google.gson.Gson;
import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;
import org.djlresnet.UserException;
import org.djlresnet.block.Chain;
import org.djlresnet.engine.EngineTraits;
import org.djlresnet.model.Network;
import org.djlresnet.model.NetworkParts;

/**
 * Where the time of a training step goes: forward and backward of each part of the network, the
 * loss, the optimizer, the data and the rest.
 *
 * <p>The graph is cut between the parts: a part's input is a leaf, and its gradient the head of the
 * backward pass of the part before. These are the operations of an uncut pass in their order, so
 * that every digit is the same, and the clock can be read between them. All time from the first
 * batch on is put down to something; the first step, which warms up, is left out where there are
 * more.
 */
public final class Profile extends GradientPass {

    /** The first line of {@code profile.csv}. */
    public static final String CSV_HEADER = "part,forward_ms,backward_ms,total_ms,share";

    private static final String LOSS = "loss";

    /**
     * The time of a part, or of a task.
     *
     * @param name a part of the network, loss, data, optimizer or bookkeeping
     * @param forward milliseconds a step; null for what has no two passes
     * @param backward milliseconds a step; null for what has no two passes
     * @param total milliseconds a step
     * @param share of the whole step, 0 to 1
     */
    public record Row(String name, Double forward, Double backward, double total, double share) {

        private String toCsv() {
            return String.format(
                    Locale.ROOT,
                    "%s,%s,%s,%.3f,%.4f",
                    name,
                    forward == null ? "" : String.format(Locale.ROOT, "%.3f", forward),
                    backward == null ? "" : String.format(Locale.ROOT, "%.3f", backward),
                    total,
                    share);
        }
    }

    private final EngineTraits traits;
    private final Network network;
    private final ParameterStore parameterStore;
    private final List<String> names;
    private final List<List<Block>> parts;

    /** Nanoseconds: forward passes of parts and loss, backward passes of the same, tasks. */
    private final long[] nanos;

    private final long[] firstStep;
    private long steps;
    private long read;

    /**
     * Prepares a network.
     *
     * @param network the network, on the CPU and the PyTorch engine
     * @throws UserException if it is elsewhere, where operations go on after their call returns
     */
    Profile(Network network) {
        super(network);
        traits = EngineTraits.of(network.manager().getEngine());
        if (!traits.computesAtOnce(network.manager().getDevice())) {
            throw new UserException(
                    String.format(
                            "A profile needs the engine pytorch and the device cpu: elsewhere work"
                                    + " goes on after a call returns, so that its time cannot be"
                                    + " told. Received: engine=%s, device=%s",
                            network.manager().getEngine().getEngineName().toLowerCase(Locale.ROOT),
                            network.manager().getDevice()));
        }
        this.network = network;
        parameterStore = new ParameterStore(network.manager(), false);
        names = new ArrayList<>(NetworkParts.of(network.block()).keySet());
        names.add(LOSS);
        parts = List.copyOf(NetworkParts.of(network.block()).values());
        nanos = new long[2 * names.size() + Task.values().length];
        firstStep = new long[nanos.length];
    }

    @Override
    Outcome run(NDArray images, NDArray labels) {
        try (GradientCollector collector = network.manager().getEngine().newGradientCollector()) {
            List<NDArray> inputs = new ArrayList<>();
            List<NDArray> outputs = new ArrayList<>();
            lapTo(task(Task.DATA));
            NDArray current = images;
            for (int i = 0; i < parts.size(); i++) {
                // the images need no gradient
                inputs.add(i == 0 ? current : cut(current));
                current = forward(parts.get(i), inputs.get(i));
                outputs.add(current);
                lapTo(i);
            }
            NDArray logits = cut(current);
            NDArray meanLoss = loss(logits, labels);
            lapTo(parts.size());
            collector.backward(meanLoss);
            lapTo(names.size() + parts.size());
            NDArray next = logits;
            for (int i = parts.size() - 1; i >= 0; i--) {
                try (NDArray gradient = next.getGradient()) {
                    traits.backward(outputs.get(i), gradient);
                }
                if (i < parts.size() - 1) {
                    // as early as an uncut pass would free the gradient
                    next.close();
                }
                next = inputs.get(i);
                lapTo(names.size() + i);
            }
            return new Outcome(logits, meanLoss);
        }
    }

    private static NDArray cut(NDArray output) {
        NDArray leaf = output.stopGradient();
        leaf.setRequiresGradient(true);
        return leaf;
    }

    private NDArray forward(List<Block> part, NDArray input) {
        return Chain.forward(part, parameterStore, new NDList(input), true, null)
                .singletonOrThrow();
    }

    @Override
    void begin() {
        read = System.nanoTime();
    }

    @Override
    void lap(Task task) {
        lapTo(task(task));
    }

    private int task(Task task) {
        return 2 * names.size() + task.ordinal();
    }

    private void lapTo(int slot) {
        long now = System.nanoTime();
        nanos[slot] += now - read;
        read = now;
    }

    @Override
    void stepDone() {
        steps++;
        if (steps == 1) {
            System.arraycopy(nanos, 0, firstStep, 0, nanos.length);
        }
    }

    /**
     * Returns the number of steps that the times are means of.
     *
     * @return the number, 0 before the first step
     */
    public long steps() {
        return steps > 1 ? steps - 1 : steps;
    }

    /**
     * Returns the times of a step, once the run has ended.
     *
     * @return means over the steps, in the order of a step; none before the first step
     */
    public List<Row> rows() {
        if (steps == 0) {
            return List.of();
        }
        double[] ms = new double[nanos.length];
        for (int i = 0; i < ms.length; i++) {
            ms[i] = (nanos[i] - (steps > 1 ? firstStep[i] : 0)) / 1e6 / steps();
        }
        double all = Arrays.stream(ms).sum();
        List<Row> rows = new ArrayList<>();
        rows.add(row(Task.DATA, ms, all));
        for (int i = 0; i < names.size(); i++) {
            double forward = ms[i];
            double backward = ms[names.size() + i];
            double total = forward + backward;
            rows.add(new Row(names.get(i), forward, backward, total, total / all));
        }
        rows.add(row(Task.OPTIMIZER, ms, all));
        rows.add(row(Task.BOOKKEEPING, ms, all));
        return rows;
    }

    private Row row(Task task, double[] ms, double all) {
        double total = ms[task(task)];
        String name = task.name().toLowerCase(Locale.ROOT);
        return new Row(name, null, null, total, total / all);
    }

    /**
     * Writes the times as {@code profile.csv}.
     *
     * @return the lines
     */
    String toCsv() {
        Stream<String> lines =
                Stream.concat(Stream.of(CSV_HEADER), rows().stream().map(Row::toCsv));
        return String.join("\n", lines.toList()) + "\n";
    }

    /**
     * Writes the times as JSON.
     *
     * @return {@code {"steps", "rows": [{"part", "forward_ms", "backward_ms", "total_ms",
     *     "share"}]}}
     */
    public String toJson() {
        JsonObject json = new JsonObject();
        json.addProperty("steps", steps());
        JsonArray list = new JsonArray();
        for (Row row : rows()) {
            JsonObject entry = new JsonObject();
            entry.addProperty("part", row.name());
            entry.addProperty("forward_ms", row.forward());
            entry.addProperty("backward_ms", row.backward());
            entry.addProperty("total_ms", row.total());
            entry.addProperty("share", row.share());
            list.add(entry);
        }
        json.add("rows", list);
        return new Gson().newBuilder().serializeNulls().create().toJson(json);
    }
}
