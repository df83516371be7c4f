package org.djlresnet.optimizer;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import java.util.List;
import java.util.Map;
import org.djlresnet.engine.TorchScript;

/**
 * Scales the gradients to limit their global norm. PyTorch only.
 *
 * <p>Source: torch.nn.utils.clip_grad_norm_.
 */
public final class NormClipping implements AutoCloseable {

    private static final String CLIP =
            """
              def clip(self: __torch__.Program, most: Tensor, g: List[Tensor]) -> Tensor:
                norms = annotate(List[Tensor], [])
                for i in range(torch.len(g)):
                  _0 = torch.append(norms, torch.norm(g[i]))
                norm = torch.norm(torch.stack(norms))
                factor = torch.clamp_max(torch.div(most, torch.add(norm, 9.9999999999999995e-07)), 1.)
                for j in range(torch.len(g)):
                  _1 = torch.mul_(g[j], factor)
                return norm
            """;

    private final double most;
    private final NDManager manager;
    private final TorchScript program;

    /**
     * Compiles the clipping.
     *
     * @param most the maximum norm, above 0
     * @param parent the network's manager
     */
    public NormClipping(double most, NDManager parent) {
        this.most = most;
        manager = parent.newSubManager();
        program = new TorchScript(manager, CLIP);
    }

    /**
     * Scales gradients in place.
     *
     * @param gradients the gradients by parameter name
     */
    public void apply(Map<String, NDArray> gradients) {
        try (NDManager scope = manager.newSubManager()) {
            NDList arguments = new NDList(scope.create((float) most));
            arguments.addAll(TorchScript.list("g", List.copyOf(gradients.values())));
            program.call("clip", arguments);
        }
    }

    @Override
    public void close() {
        program.close();
        manager.close();
    }
}
