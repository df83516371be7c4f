"""Numbers on logarithmic axes."""

import numpy as np
import pytest

from py_djl_resnet._plotting.chart import Chart
from py_djl_resnet._plotting.log_axis import make_logarithmic


def numbers(values):
    chart = Chart()
    axes = chart.add_subplot()
    axes.plot(range(len(values)), values)
    make_logarithmic(axes, "y")
    chart.draw_without_rendering()
    low, top = axes.get_ylim()
    ticks = [*axes.yaxis.get_major_ticks(), *axes.yaxis.get_minor_ticks()]
    return axes, [tick.label1.get_text() for tick in ticks if low <= tick.get_loc() <= top and tick.label1.get_text()]


@pytest.mark.parametrize("values", [[1.8, 2.6], [2.3001, 2.3007], [1, 9]])
def test_less_than_a_decade_has_plain_numbers(values):
    axes, shown = numbers(values)
    assert axes.get_yscale() == "log"
    assert len(shown) >= 3
    assert len({float(number) for number in shown}) == len(shown)


def test_decades_have_powers():
    assert "$\\mathdefault{10^{1}}$" in numbers([1, 200])[1]


def test_no_values_have_no_numbers():
    assert numbers([np.nan, np.nan])[1] == []
