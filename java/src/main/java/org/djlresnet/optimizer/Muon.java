package org.djlresnet.optimizer;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.training.initializer.Initializer;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * Muon as airbench defines it: it normalizes the weights of convolutions and makes their updates
 * orthogonal. {@link Sgd} updates the other parameters. PyTorch only.
 *
 * <p>With gradient g, a convolution's weight p of n filters, and momentum buffer v, which starts at
 * zero:
 *
 * <pre>
 * v ← momentum · v + g
 * u ← v, or with Nesterov momentum g + momentum · v
 * p ← p · √n / ‖p‖
 * p ← p − lr · orthogonal(u as a matrix of n rows)
 * </pre>
 *
 * <p>{@code orthogonal} divides a matrix by its norm and applies x ← 3.4445 x − 4.775 (x xᵀ) x +
 * 2.0315 (x xᵀ)² x three times (Newton and Schulz), which brings its singular values near 1. It is
 * computed in float32. These weights have no weight decay, because their norm is fixed.
 *
 * <p>Source: Jordan, airbench94_muon.py in https://github.com/KellerJordan/cifar10-airbench, which
 * computes in bfloat16.
 */
final class Muon implements Optimizer {

    private static final String MATRIX = "muon/";

    private static final String MOVE =
            """
              def move(self: __torch__.Program, p: Tensor, g: Tensor, v: Tensor, lr: float) -> Tensor:
                _0 = torch.add_(torch.mul_(v, %1$.17g), g)
                u = %2$s
                n = torch.size(p, 0)
                _1 = torch.mul_(p, torch.div(torch.sqrt(n), float(torch.norm(p))))
                m = torch.reshape(u, [n, -1])
                tall = torch.gt(n, torch.size(m, 1))
                if tall:
                  x = torch.t(m)
                else:
                  x = m
                x0 = torch.div(x, torch.add(torch.norm(x), 9.9999999999999995e-08))
                a0 = torch.mm(x0, torch.t(x0))
                b0 = torch.addmm(a0, a0, a0, beta=-4.7750000000000004, alpha=2.0314999999999999)
                x1 = torch.addmm(x0, b0, x0, beta=3.4445000000000001)
                a1 = torch.mm(x1, torch.t(x1))
                b1 = torch.addmm(a1, a1, a1, beta=-4.7750000000000004, alpha=2.0314999999999999)
                x2 = torch.addmm(x1, b1, x1, beta=3.4445000000000001)
                a2 = torch.mm(x2, torch.t(x2))
                b2 = torch.addmm(a2, a2, a2, beta=-4.7750000000000004, alpha=2.0314999999999999)
                x3 = torch.addmm(x2, b2, x2, beta=3.4445000000000001)
                if tall:
                  y = torch.t(x3)
                else:
                  y = x3
                return torch.add_(p, torch.reshape(y, torch.size(p)), alpha=torch.neg(lr))
            """;

    /** Its arguments: the group, its rate. */
    private static final String UPDATE =
            """
                for i%1$d in range(torch.len(p%1$d)):
                  _%1$d = (self).move(p%1$d[i%1$d], g%1$d[i%1$d], a%1$d[i%1$d], %2$s, )
            """;

    private final NDManager manager;
    private final Map<String, NDArray> state = new LinkedHashMap<>();
    private final GroupedProgram program;
    private final Sgd others;

    /**
     * Creates an optimizer.
     *
     * @param matrixMomentum the factor of the momentum buffer of convolutions' weights
     * @param momentum that of the other parameters, 0 for none
     * @param nesterov whether to use Nesterov momentum for all
     * @param parameters the parameters to update
     * @param parent the manager of the network
     * @param restored initial values of {@link #state}; entries without one start at zero
     */
    Muon(
            double matrixMomentum,
            double momentum,
            boolean nesterov,
            List<TrainedParameter> parameters,
            NDManager parent,
            Map<String, Initializer> restored) {
        manager = parent.newSubManager();
        List<TrainedParameter> filters = parameters.stream().filter(Muon::isFilters).toList();
        Map<String, NDArray> velocities = OptimizerState.arrays(MATRIX, filters, restored, manager);
        OptimizerState.name(MATRIX, velocities, state);
        String update =
                nesterov
                        ? String.format(Locale.ROOT, "torch.add(g, v, alpha=%.17g)", matrixMomentum)
                        : "v";
        program =
                new GroupedProgram(
                        manager,
                        filters,
                        List.of(velocities),
                        false,
                        String.format(Locale.ROOT, MOVE, matrixMomentum, update),
                        (index, group) -> String.format(Locale.ROOT, UPDATE, index, group.rate()));
        List<TrainedParameter> rest =
                parameters.stream().filter(parameter -> !isFilters(parameter)).toList();
        others = new Sgd(momentum, nesterov, rest, manager, restored);
        state.putAll(others.state());
    }

    private static boolean isFilters(TrainedParameter parameter) {
        return parameter.isWeight() && parameter.array().getShape().dimension() == 4;
    }

    @Override
    public void step(Map<String, NDArray> gradients, double lr) {
        program.step(gradients, lr);
        others.step(gradients, lr);
    }

    @Override
    public Map<String, NDArray> state() {
        return state;
    }

    @Override
    public void close() {
        others.close();
        program.close();
        manager.close();
    }
}
