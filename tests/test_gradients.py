"""The norms that train --debug-gradients records."""

import numpy as np
import pytest

from py_djl_resnet import Run, UsageError
from py_djl_resnet.gradients import read_gradients

TABLE = """step,epoch,name,gradient_norm,weight_norm,update_ratio
1,1,global,5.0,13.0,0.5
1,1,conv1.weight,3.0,5.0,0.25
1,1,conv1.bias,4.0,0.0,
2,1,global,2.5,12.0,0.125
2,1,conv1.weight,1.5,4.0,0.5
2,1,conv1.bias,2.0,1.0,2.0
"""


def test_curves_are_found_by_parameter(tmp_path):
    (tmp_path / "gradients.csv").write_text(TABLE)
    gradients = read_gradients(tmp_path / "gradients.csv")
    assert list(gradients.by_name) == ["global", "conv1.weight", "conv1.bias"]
    curve = gradients["conv1.bias"]
    np.testing.assert_array_equal(curve["step"], [1, 2])
    np.testing.assert_array_equal(curve["gradient_norm"], [4, 2])
    np.testing.assert_array_equal(curve["update_ratio"], [np.nan, 2])
    with pytest.raises(UsageError, match=r"'conv1.weigth'. Did you mean 'conv1.weight'\? Allowed: global"):
        gradients["conv1.weigth"]


def test_figure_has_a_panel_for_each_norm(tmp_path):
    (tmp_path / "gradients.csv").write_text(TABLE)
    chart = read_gradients(tmp_path / "gradients.csv").plot()
    panels = [axes for axes in chart.axes if axes.lines]
    assert [axes.get_ylabel() for axes in panels] == ["Gradient norm", "Weight norm", "Update / weight norm"]
    for axes in panels:
        assert [line.get_label() for line in axes.lines] == ["global", "conv1.weight"]
        assert axes.get_yscale() == "log"
    np.testing.assert_array_equal(panels[0].lines[1].get_ydata(), [3, 1.5])


@pytest.mark.parametrize(
    ("table", "problem"),
    [("", "the first line is not step"), (TABLE + "3,1\n", "values"), (TABLE.replace("3.0", "x"), "could not convert")],
)
def test_damaged_table_is_rejected(tmp_path, table, problem):
    (tmp_path / "gradients.csv").write_text(table)
    with pytest.raises(UsageError, match=f"is not a table of gradients: .*{problem}"):
        read_gradients(tmp_path / "gradients.csv")


def test_train_records_and_draws_gradients(command, tmp_path):
    arguments = ("--epochs", 1, "--limit", 64, "--batch-size", 32, "--quiet", "--out", "run")
    code, _, err = command("train", "--model", "cifar-resnet20", "--debug-gradients", "step", *arguments)
    assert code == 0, err
    gradients = Run.open(tmp_path / "run").gradients
    np.testing.assert_array_equal(gradients["global"]["step"], [1, 2])
    assert list(gradients.by_name)[:2] == ["global", "conv1.weight"]
    assert (tmp_path / "run" / "figures" / "gradients.png").is_file()
    squares = sum(gradients[name]["gradient_norm"] ** 2 for name in gradients.by_name if name != "global")
    np.testing.assert_allclose(gradients["global"]["gradient_norm"], np.sqrt(squares), rtol=1e-5)
