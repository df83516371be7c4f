package org.djlresnet.training;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.djlresnet.engine.EngineTraits;
import org.djlresnet.engine.TorchScript;

/** Measures the gradients, the weights and the update of a step; on PyTorch in two calls. */
final class UpdateNorms implements AutoCloseable {

    private static final String PROGRAM =
            """
              def before(self: __torch__.Program, p: List[Tensor], g: List[Tensor]) -> Tensor:
                norms = ops.aten._foreach_norm(g, 2)
                weights = ops.aten._foreach_norm(p, 2)
                first = torch.eq(torch.len(self.kept), 0)
                if first:
                  copies = annotate(List[Tensor], [])
                  for i in range(torch.len(p)):
                    _0 = torch.append(copies, torch.clone(p[i]))
                  self.kept = copies
                else:
                  for j in range(torch.len(p)):
                    _1 = torch.copy_(self.kept[j], p[j])
                for k in range(torch.len(p)):
                  _2 = torch.append(norms, weights[k])
                return torch.stack(norms)
              def after(self: __torch__.Program, p: List[Tensor]) -> Tensor:
                for i in range(torch.len(p)):
                  _0 = torch.sub_(self.kept[i], p[i])
                return torch.stack(ops.aten._foreach_norm(self.kept, 2))
            """;

    private final NDManager manager;
    private final List<String> names;
    private final NDList parameters;

    /** Null on an engine without programs. */
    private final TorchScript program;

    private List<NDArray> copies = List.of();
    private float[] gradients;
    private float[] weights;

    /**
     * Prepares to measure.
     *
     * @param trained the parameters by name
     * @param parent the network's manager
     */
    UpdateNorms(Map<String, NDArray> trained, NDManager parent) {
        manager = parent.newSubManager();
        names = List.copyOf(trained.keySet());
        parameters = new NDList();
        for (NDArray array : trained.values()) {
            NDArray handle = array.stopGradient();
            handle.attach(manager);
            parameters.add(handle);
        }
        boolean compiles = EngineTraits.of(parent.getEngine()).compiles();
        program = compiles ? new TorchScript(manager, PROGRAM) : null;
    }

    /**
     * Measures gradients and weights, and copies the weights.
     *
     * @param byName the gradient of each parameter
     */
    void before(Map<String, NDArray> byName) {
        List<NDArray> arrays = names.stream().map(byName::get).toList();
        float[] both;
        if (program == null) {
            List<NDArray> all = new ArrayList<>(arrays);
            all.addAll(parameters);
            both = norms(all);
            copies = parameters.stream().map(NDArray::duplicate).toList();
        } else {
            NDList arguments = TorchScript.list("p", parameters);
            arguments.addAll(TorchScript.list("g", arrays));
            both = call("before", arguments);
        }
        gradients = Arrays.copyOf(both, names.size());
        weights = Arrays.copyOfRange(both, names.size(), both.length);
    }

    /**
     * Measures the update.
     *
     * @return the 2-norm of each parameter's change since {@link #before}, in their order
     */
    float[] after() {
        if (program != null) {
            return call("after", TorchScript.list("p", parameters));
        }
        for (int i = 0; i < copies.size(); i++) {
            copies.get(i).subi(parameters.get(i));
        }
        float[] norms = norms(copies);
        copies.forEach(NDArray::close);
        return norms;
    }

    private float[] call(String method, NDList arguments) {
        try (NDList results = program.call(method, arguments)) {
            return results.singletonOrThrow().toFloatArray();
        }
    }

    private static float[] norms(List<NDArray> arrays) {
        float[] norms = new float[arrays.size()];
        for (int i = 0; i < norms.length; i++) {
            try (NDArray squares = arrays.get(i).square();
                    NDArray sum = squares.sum()) {
                norms[i] = (float) Math.sqrt(sum.getFloat());
            }
        }
        return norms;
    }

    /** Returns the names of the parameters, in order. */
    List<String> names() {
        return names;
    }

    /** Returns the 2-norm of each parameter's gradient, in their order. */
    float[] gradients() {
        return gradients;
    }

    /** Returns the 2-norm of each parameter before the update, in their order. */
    float[] weights() {
        return weights;
    }

    @Override
    public void close() {
        if (program != null) {
            program.close();
        }
        manager.close();
    }
}
