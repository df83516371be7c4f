"""Counts the floating-point operations that a training step cannot avoid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Layer:
    """A convolution with square kernel and square input; a linear layer is one with kernel and size 1.

    Args:
        inputs: input channels.
        outputs: output channels.
        size: height and width of the input.
        kernel: height and width of the kernel.
        stride: step between positions.
        padding: zeros on each side.
        groups: groups of channels.
    """

    inputs: int
    outputs: int
    size: int = 1
    kernel: int = 1
    stride: int = 1
    padding: int = 0
    groups: int = 1

    def multiply_adds(self) -> int:
        """Returns the multiply-adds for one example, without those on padding."""
        positions = range(0, self.size + 2 * self.padding - self.kernel + 1, self.stride)
        taps = sum(
            0 <= start + offset - self.padding < self.size for start in positions for offset in range(self.kernel)
        )
        return self.inputs // self.groups * self.outputs * taps**2


def training_flops(layers: Sequence[Layer]) -> int:
    """Returns the operations of a training step per example: two for each multiply-add.

    The backward pass has the gradients of the weights and of the inputs, each as many as the forward pass. Nobody
    needs the gradient of the network's input.
    """
    return 2 * (3 * sum(layer.multiply_adds() for layer in layers) - layers[0].multiply_adds())
