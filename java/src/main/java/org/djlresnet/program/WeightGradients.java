package org.djlresnet.program;

import java.util.List;

/**
 * The gradients of convolutions' weights in bfloat16, where oneDNN is slow.
 *
 * <p>With 5 to 23 input channels it took 2 to 10 times as long as with 24, so the map gets channels
 * of zeros. On outputs of up to 3×3 it took twice as long as a matrix product with the windows of
 * the map. Both on a processor with AVX512_BF16, with batches of 512.
 */
final class WeightGradients {

    /** The method of a program that {@link #call} calls. */
    static final String METHOD =
            """
              def weight_gradient(self: __torch__.Program, g: Tensor, x: Tensor, w: Tensor, \
            stride: List[int], padding: List[int]) -> Tensor:
                channels = torch.size(x, 1)
                thin = torch.__and__(torch.gt(channels, 4), torch.lt(channels, 24))
                whole = torch.mul(torch.size(g, 2), torch.size(g, 3))
                small = torch.__and__(torch.le(whole, 9), torch.eq(stride, [1, 1]))
                more = 0
                if thin:
                  more = torch.sub(24, channels)
                else:
                  pass
                if small:
                  edges = [padding[1], padding[1], padding[0], padding[0]]
                  padded = torch.constant_pad_nd(x, edges, 0)
                  map = torch.contiguous(torch.permute(padded, [0, 2, 3, 1]))
                  rows = torch.unfold(map, 1, torch.size(w, 2), 1)
                  windows = torch.unfold(rows, 2, torch.size(w, 3), 1)
                  ordered = torch.permute(windows, [0, 1, 2, 4, 5, 3])
                  taps = torch.mul(torch.size(w, 2), torch.size(w, 3))
                  columns = torch.reshape(ordered, [-1, torch.mul(taps, channels)])
                  outputs = torch.reshape(torch.permute(g, [0, 2, 3, 1]), [-1, torch.size(g, 1)])
                  product = torch.mm(torch.t(outputs), columns)
                  shape = [torch.size(w, 0), torch.size(w, 2), torch.size(w, 3), channels]
                  gradient = torch.permute(torch.reshape(product, shape), [0, 3, 1, 2])
                else:
                  wider = [0, 0, 0, 0, 0, more]
                  wide_x = torch.constant_pad_nd(x, wider, 0) if thin else x
                  wide_w = torch.constant_pad_nd(w, wider, 0) if thin else w
                  _0, wide, _1, = torch.convolution_backward(g, wide_x, wide_w, None, stride, \
            padding, [1, 1], False, [0, 0], 1, [False, True, False])
                  gradient = torch.narrow(wide, 1, 0, channels)
                return gradient
            """;

    private WeightGradients() {}

    /** The gradient of a weight without groups. */
    static String call(String gradient, String x, String weight, String stride, String padding) {
        List<String> arguments = List.of(gradient, x, weight, stride, padding);
        return "(self).weight_gradient(" + String.join(", ", arguments) + ", )";
    }
}
