package org.djlresnet.optimizer;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.training.initializer.Initializer;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * Adam and AdamW as defined by PyTorch. PyTorch only.
 *
 * <p>With gradient g, parameter p, and t, the number of updates of the parameter, this one
 * included:
 *
 * <pre>
 * p ← p − lr · weight_decay · p      (AdamW)
 * g ← g + weight_decay · p           (Adam)
 * m ← beta1 · m + (1 − beta1) · g
 * s ← beta2 · s + (1 − beta2) · g²
 * p ← p − lr · m / (1 − beta1^t) / (√(s / (1 − beta2^t)) + 1e-8)
 * </pre>
 *
 * <p>Source: torch.optim.Adam; Kingma and Ba, "Adam: A Method for Stochastic Optimization", 2015;
 * torch.optim.AdamW; Loshchilov and Hutter, "Decoupled Weight Decay Regularization", 2019.
 */
final class Adam implements Optimizer {

    private static final String MEAN = "mean/";
    private static final String SQUARE = "square/";
    private static final String UPDATES = "updates/";

    /** Its arguments: the group, its rate, weight decay, the betas, the operator. */
    private static final String UPDATE =
            """
                for i%1$d in range(torch.len(c%1$d)):
                  _t%1$d = torch.add_(c%1$d[i%1$d], 1)
                _%1$d = ops.aten.%6$s(p%1$d, g%1$d, a%1$d, b%1$d, \
            annotate(List[Tensor], []), c%1$d, lr=%2$s, beta1=%4$.17g, beta2=%5$.17g, \
            weight_decay=%3$.17g, eps=1e-08, amsgrad=False, maximize=False)
            """;

    private final NDManager manager;
    private final Map<String, NDArray> state = new LinkedHashMap<>();
    private final GroupedProgram program;

    /**
     * Creates an optimizer.
     *
     * @param decoupled whether weight decay is AdamW's, apart from the gradient
     * @param beta1 the decay of the mean of gradients
     * @param beta2 the decay of the mean of squared gradients
     * @param parameters the parameters to update
     * @param parent the manager of the network
     * @param restored initial values of {@link #state}; entries without one start at zero
     */
    Adam(
            boolean decoupled,
            double beta1,
            double beta2,
            List<TrainedParameter> parameters,
            NDManager parent,
            Map<String, Initializer> restored) {
        manager = parent.newSubManager();
        Map<String, NDArray> means = OptimizerState.arrays(MEAN, parameters, restored, manager);
        Map<String, NDArray> squares = OptimizerState.arrays(SQUARE, parameters, restored, manager);
        Map<String, NDArray> updates = new LinkedHashMap<>();
        for (TrainedParameter parameter : parameters) {
            Initializer values =
                    restored.getOrDefault(UPDATES + parameter.name(), Initializer.ZEROS);
            updates.put(
                    parameter.name(), values.initialize(manager, new Shape(1), DataType.FLOAT32));
        }
        OptimizerState.name(MEAN, means, state);
        OptimizerState.name(SQUARE, squares, state);
        OptimizerState.name(UPDATES, updates, state);
        program =
                new GroupedProgram(
                        manager,
                        parameters,
                        List.of(means, squares, updates),
                        true,
                        "",
                        (index, group) ->
                                String.format(
                                        Locale.ROOT,
                                        UPDATE,
                                        index,
                                        group.rate(),
                                        group.weightDecay(),
                                        beta1,
                                        beta2,
                                        decoupled ? "_fused_adamw_" : "_fused_adam_"));
    }

    @Override
    public void step(Map<String, NDArray> gradients, double lr) {
        program.step(gradients, lr);
    }

    @Override
    public Map<String, NDArray> state() {
        return state;
    }

    @Override
    public void close() {
        program.close();
        manager.close();
    }
}
