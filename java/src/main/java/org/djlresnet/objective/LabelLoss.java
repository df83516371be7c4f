package org.djlresnet.objective;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.training.loss.Loss;
import java.util.List;
import java.util.stream.Collectors;

/**
 * The loss of an example for one label. With class weights w, smoothing s and focusing g, over C
 * classes with probabilities p:
 *
 * <pre>
 * t_c  = (1 − s) · [c = label] + s / C
 * loss = −Σ_c w_c · t_c · (1 − p_c)^g · ln p_c
 * </pre>
 *
 * <p>A batch's loss is the mean over its examples; the weights are not normalized. Source:
 * torch.nn.CrossEntropyLoss with reduction "none" for g = 0; Lin et al., "Focal Loss for Dense
 * Object Detection", 2017, as Keras's CategoricalFocalCrossentropy for g above 0.
 *
 * @param classWeights a weight for each class; null if all are 1
 * @param smoothing the fraction of the target that is spread over all classes, from 0 to below 1
 * @param focusing how much examples with a high probability are down-weighted; 0 for none
 */
public record LabelLoss(List<Double> classWeights, double smoothing, double focusing) {

    /** The cross-entropy. */
    public static final LabelLoss CROSS_ENTROPY = new LabelLoss(null, 0, 0);

    /** Below this, 1 − p has no useful gradient, and a power below 1 would have an infinite one. */
    private static final double SMALLEST_MISS = 1e-6;

    private static final String FOCAL =
            """
              def focal(self: __torch__.Program, outputs: Tensor, classes: Tensor) -> Tensor:
                count = torch.size(outputs, 1)
                logs = torch.log_softmax(outputs, 1)
                misses = torch.clamp_min(torch.neg(torch.expm1(logs)), %s)
                terms = torch.mul(torch.pow(misses, %s), logs)
                hot = torch.mul(torch.to(torch.one_hot(classes, count), outputs), %s)
                targets = torch.add(hot, torch.div(%s, count))
                return torch.neg(torch.sum(torch.mul(torch.mul(terms, targets), %s), [1]))
            """;

    /**
     * Returns the mean loss of a batch.
     *
     * @param logits the network's outputs, (N, classes)
     * @param labels the classes, int32, (N)
     * @return a differentiable scalar
     */
    NDArray mean(NDArray logits, NDArray labels) {
        return equals(CROSS_ENTROPY)
                ? Loss.softmaxCrossEntropyLoss().evaluate(new NDList(labels), new NDList(logits))
                : each(logits, labels).mean();
    }

    /**
     * Returns the loss of each example.
     *
     * @param logits the network's outputs, (N, classes)
     * @param labels the classes, int32, (N)
     * @return (N), differentiable
     */
    NDArray each(NDArray logits, NDArray labels) {
        int classes = (int) logits.getShape().get(1);
        NDArray logs = logits.logSoftmax(1);
        NDArray hot = labels.oneHot(classes).toType(logits.getDataType(), false);
        NDArray factors = hot.mul(1 - smoothing).add(smoothing / classes);
        if (classWeights != null) {
            double[] weights = classWeights.stream().mapToDouble(Double::doubleValue).toArray();
            NDArray row = logits.getManager().create(weights);
            factors = factors.mul(row.toType(logits.getDataType(), false));
        }
        if (focusing > 0) {
            factors = factors.mul(logs.exp().neg().add(1).maximum(SMALLEST_MISS).pow(focusing));
        }
        return factors.mul(logs).sum(new int[] {1}).neg();
    }

    /** Returns {@link #mean} as an expression of TorchScript, with int64 labels. */
    String mean(String outputs, String classes) {
        // torch's own mean, because it rounds in another order
        return classWeights == null && focusing == 0
                ? crossEntropy(outputs, classes, "1")
                : "torch.mean(" + each(outputs, classes) + ")";
    }

    /** Returns {@link #each} as an expression of TorchScript, with int64 labels. */
    String each(String outputs, String classes) {
        return focusing == 0
                ? crossEntropy(outputs, classes, "0")
                : "(self).focal(" + outputs + ", " + classes + ", )";
    }

    /** Returns the methods that the expressions need. */
    String methods() {
        String weights = classWeights == null ? "1." : weights("outputs");
        return focusing == 0
                ? ""
                : FOCAL.formatted(SMALLEST_MISS, focusing, 1 - smoothing, smoothing, weights);
    }

    private String crossEntropy(String outputs, String classes, String reduction) {
        String weights = classWeights == null ? "None" : weights(outputs);
        return "torch.cross_entropy_loss(%s, %s, %s, %s, -100, %s)"
                .formatted(outputs, classes, weights, reduction, smoothing);
    }

    private String weights(String outputs) {
        String list = classWeights.stream().map(String::valueOf).collect(Collectors.joining(", "));
        return "torch.to(torch.tensor([" + list + "], dtype=7), " + outputs + ")";
    }
}
