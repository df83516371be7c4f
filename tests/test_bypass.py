import csv
import json
import re

import numpy as np
import pytest
from examples import separable
from reference_networks import Reference, cross_entropy, option_a, read_tensors, relu

from py_djl_resnet import Recipe, UsageError, bypass_costs, create_model, evaluate, load, train


@pytest.fixture(scope="module")
def small(jvm, tmp_path_factory):
    """A short run of a small residual network on arrays."""
    data = (*separable(64, 0), *separable(32, 1))
    recipe = Recipe(model="cifar-resnet20", epochs=2, batch_size=16, lr=0.05)
    return train(dataset=data, recipe=recipe, out=tmp_path_factory.mktemp("bypass") / "run", progress=False)


class Bypassed(Reference):
    """A network of option A without the residual branches of some blocks."""

    def cifar_without(self, x, left_out):
        x = relu(self.norm("bn1", self.conv("conv1", x)))
        for name in self.blocks():
            out = self.tensors[f"{name}.conv2.weight"].shape[0]
            stride = 1 if out == x.shape[1] else 2
            shortcut = option_a(x, out, stride)
            if name in left_out:
                x = relu(shortcut)
                continue
            y = relu(self.norm(f"{name}.bn1", self.conv(f"{name}.conv1", x, stride)))
            x = relu(shortcut + self.norm(f"{name}.bn2", self.conv(f"{name}.conv2", y)))
        return self.head(x)


@pytest.mark.parametrize("left_out", [[], ["layer1.1"], ["layer2.0"], ["layer1.0", "layer3.0", "layer3.2"]])
def test_bypassed_network_computes_the_same_as_numpy(small, left_out):
    x, labels = separable(32, 1)
    network = Bypassed(read_tensors(small.folder / "last.safetensors"))
    expected = cross_entropy(network.cifar_without(x.astype(np.float64), left_out), labels)
    with load(small.folder / "last.safetensors") as model:
        found = evaluate(model, (x, labels), bypass=left_out)
        assert found.loss == pytest.approx(expected, rel=1e-4)
        # the next evaluation is of the complete network again
        whole = cross_entropy(network.cifar_without(x.astype(np.float64), []), labels)
        assert evaluate(model, (x, labels)).loss == pytest.approx(whole, rel=1e-4)


def test_costs_are_measured_one_block_at_a_time(small):
    data = separable(32, 1)
    costs = bypass_costs(small.folder, data)
    assert [row["block"] for row in costs.blocks] == [f"layer{s}.{b}" for s in (1, 2, 3) for b in (0, 1, 2)]
    row = costs.blocks[4]
    alone = evaluate(small.folder, data, bypass=["layer2.1"])
    assert (row["loss"], row["accuracy"]) == (alone.loss, alone.accuracy)
    assert row["cost"] == pytest.approx(costs.accuracy - alone.accuracy)
    assert costs.accuracy == evaluate(small.folder, data).accuracy


def test_command_measures_every_block_and_writes_figure_and_table(command, trained):
    code, out, err = command("bypass", trained.folder, "--limit", "100", "--json")
    assert code == 0
    form = json.loads(out)
    assert list(form) == ["model", "loss", "accuracy", "blocks"]
    assert [row["block"] for row in form["blocks"]] == [f"layer{s}.{b}" for s in (1, 2, 3, 4) for b in (0, 1)]
    figure = trained.folder / "figures" / "bypass-limit-100.png"
    assert figure.is_file()
    rows = list(csv.DictReader(figure.with_suffix(".csv").read_text().splitlines()))
    assert [row["block"] for row in rows] == ["", *(row["block"] for row in form["blocks"])]
    assert float(rows[3]["accuracy"]) == form["blocks"][2]["accuracy"]
    assert err.splitlines()[-2:] == [f"figure: {figure}", f"table: {figure.with_suffix('.csv')}"]


def test_command_prints_one_row_per_block(command, trained, tmp_path):
    code, out, _ = command("bypass", trained.folder, "--limit", "50", "--figure", "mine.svg")
    assert code == 0
    assert re.fullmatch(r"without +loss +accuracy +cost\n- +[\d.]+ +[\d.]+\n(layer\d\.\d( +[-+\d.]+){3}\n){8}", out)
    assert (tmp_path / "mine.svg").is_file()
    assert (tmp_path / "mine.csv").is_file()


def test_evaluate_command_bypasses_blocks(command, trained):
    code, out, _ = command("evaluate", trained.folder, "--limit", "100", "--bypass", "layer3.1,layer4.1", "--json")
    assert code == 0
    whole = evaluate(trained.folder, limit=100, bypass=["layer3.1", "layer4.1"])
    assert json.loads(out)["loss"] == whole.loss


def test_block_named_twice_is_rejected(rejected, trained):
    message = rejected("evaluate", trained.folder, "--limit", "10", "--bypass", "layer3.1,layer4.1,layer3.1")
    assert message == (2, "--bypass must not repeat. Received: 'layer3.1' twice.")


def test_unknown_block_suggests_a_similar_name(rejected, trained):
    code, message = rejected("evaluate", trained.folder, "--limit", "10", "--bypass", "layer3.2")
    assert code == 2
    assert re.search(r"d2l-resnet18 has no residual block.*layer3.2.*[Dd]id you mean .layer", message)
    assert rejected("evaluate", trained.folder, "--bypass", "layer3.1,")[0] == 2


def test_plain_network_is_rejected(jvm, tmp_path):
    with create_model("plain20", 1, 2) as model:
        assert model.residual_blocks == []
        with pytest.raises(UsageError, match="plain20 has no shortcuts"):
            bypass_costs(model, separable(8, 0))
        with pytest.raises(UsageError, match=r"plain20 has no (shortcuts|residual).*layer1\.0"):
            evaluate(model, separable(8, 0), bypass=["layer1.0"])
        with pytest.raises(UsageError, match="bypass must be names of blocks"):
            evaluate(model, separable(8, 0), bypass="layer1.0")
