package org.djlresnet.engine;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import java.util.List;

/** Arithmetic on lists of arrays, one call for each. PyTorch only. */
public final class ListArithmetic implements AutoCloseable {

    private static final String METHODS =
            """
              def mix(self: __torch__.Program, w: Tensor, t: List[Tensor], s: List[Tensor]) -> Tensor:
                for i in range(torch.len(t)):
                  _0 = torch.lerp_(t[i], s[i], float(w))
                return w
              def add(self: __torch__.Program, w: Tensor, t: List[Tensor], s: List[Tensor]) -> Tensor:
                for i in range(torch.len(t)):
                  _0 = torch.add_(t[i], s[i], alpha=float(w))
                return w
              def copy(self: __torch__.Program, w: Tensor, t: List[Tensor], s: List[Tensor]) -> Tensor:
                for i in range(torch.len(t)):
                  _0 = torch.copy_(t[i], s[i])
                return w
            """;

    private final NDManager manager;
    private final TorchScript program;

    /**
     * Compiles the methods.
     *
     * @param parent the manager of a PyTorch engine
     */
    public ListArithmetic(NDManager parent) {
        manager = parent.newSubManager();
        program = new TorchScript(manager, METHODS);
    }

    /**
     * Moves arrays towards others: t ← t + weight · (s − t).
     *
     * @param targets the arrays to change, which record nothing
     * @param sources arrays of the same shapes, which record nothing
     * @param weight from 0 to 1
     */
    public void mix(List<NDArray> targets, List<NDArray> sources, double weight) {
        call("mix", targets, sources, weight);
    }

    /**
     * Adds a multiple of arrays to others: t ← t + factor · s.
     *
     * @param targets the arrays to change, which record nothing
     * @param sources arrays of the same shapes, which record nothing
     * @param factor the factor
     */
    public void add(List<NDArray> targets, List<NDArray> sources, double factor) {
        call("add", targets, sources, factor);
    }

    /**
     * Copies the values of arrays.
     *
     * @param targets the arrays to change, which record nothing
     * @param sources arrays of the same shapes, which record nothing
     */
    public void copy(List<NDArray> targets, List<NDArray> sources) {
        call("copy", targets, sources, 1);
    }

    private void call(String method, List<NDArray> targets, List<NDArray> sources, double weight) {
        try (NDManager scope = manager.newSubManager()) {
            NDList arguments = new NDList(scope.create(weight));
            arguments.addAll(TorchScript.list("t", targets));
            arguments.addAll(TorchScript.list("s", sources));
            program.call(method, arguments);
        }
    }

    @Override
    public void close() {
        program.close();
        manager.close();
    }
}
