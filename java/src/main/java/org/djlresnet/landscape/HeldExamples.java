package org.djlresnet.landscape;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Consumer;
import org.djlresnet.data.Batch;
import org.djlresnet.data.BatchLoader;
import org.djlresnet.data.EpochOrder;
import org.djlresnet.data.Examples;
import org.djlresnet.engine.EngineTraits;
import org.djlresnet.graph.Window;
import org.djlresnet.image.Preprocessing;
import org.djlresnet.model.Network;
import org.djlresnet.objective.Minibatch;

/** Examples that are prepared once, and kept on the network's device as batches. */
public final class HeldExamples implements AutoCloseable {

    private final NDManager manager;
    private final List<Minibatch> batches = new ArrayList<>();
    private int size;

    /**
     * Reads and prepares examples.
     *
     * @param network the network that they are for
     * @param examples the examples, with no more classes than the network has
     * @param batchSize the number of examples in a batch
     * @param preprocessing how images are prepared, for the network's channels
     */
    public HeldExamples(
            Network network, Examples examples, int batchSize, Preprocessing preprocessing) {
        manager = network.manager().newSubManager();
        try (BatchLoader loader = new BatchLoader(examples, preprocessing, batchSize)) {
            loader.restart(null);
            for (Batch next = loader.next(); next != null; next = loader.next()) {
                try (Batch batch = next;
                        NDManager scope = manager.newSubManager()) {
                    Minibatch borrowed = Minibatch.of(batch, scope);
                    batches.add(new Minibatch(held(borrowed.images()), held(borrowed.labels())));
                    size += batch.count();
                }
            }
        } catch (RuntimeException | Error failure) {
            manager.close();
            throw failure;
        }
    }

    /** Copies an array out of the loader's buffer. */
    private NDArray held(NDArray borrowed) {
        NDArray copy = borrowed.duplicate();
        copy.attach(manager);
        return copy;
    }

    /**
     * Chooses examples.
     *
     * @param examples all examples
     * @param count the number to choose; null for all
     * @param seed the seed of the choice
     * @return the first {@code count} of all examples shuffled by the seed, in their original order
     */
    public static Examples choose(Examples examples, Integer count, long seed) {
        if (count == null || count >= examples.size()) {
            return examples;
        }
        int[] shuffled = EpochOrder.of(seed, 0, examples.size());
        return examples.subset(Arrays.stream(shuffled).limit(count).sorted().toArray());
    }

    /**
     * Passes each batch to a function, in order.
     *
     * @param use receives the batch, whose arrays are closed afterwards, with all that share their
     *     manager
     */
    public void forEach(Consumer<Minibatch> use) {
        for (Minibatch batch : batches) {
            try (NDManager scope = manager.newSubManager()) {
                use.accept(new Minibatch(lent(batch.images(), scope), lent(batch.labels(), scope)));
            }
        }
    }

    /** A second array on the same memory: what is computed from it belongs to its manager. */
    private static NDArray lent(NDArray array, NDManager scope) {
        if (!EngineTraits.of(scope.getEngine()).compiles()) {
            NDArray copy = array.duplicate();
            copy.attach(scope);
            return copy;
        }
        NDArray handle = array.stopGradient();
        handle.attach(scope);
        return handle;
    }

    /**
     * Returns the number of examples.
     *
     * @return the number, 1 or more
     */
    public int size() {
        return size;
    }

    /** Returns the height and width of the prepared images. */
    Window.Pair imageSize() {
        Shape shape = batches.get(0).images().getShape();
        return new Window.Pair((int) shape.get(2), (int) shape.get(3));
    }

    @Override
    public void close() {
        manager.close();
    }
}
