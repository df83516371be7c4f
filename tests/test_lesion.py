"""Networks without some blocks, or with blocks in another order."""

import csv
import json

import numpy as np
import pytest
from examples import separable
from reference_networks import Reference, cross_entropy, option_a, read_tensors, relu

from py_djl_resnet import Recipe, UsageError, create_model, evaluate, lesions, load, train
from py_djl_resnet._draws import deleted, kendall_tau, pairs, shuffled

DATA = separable(32, 1)


def short_run(model, folder):
    data = (*separable(64, 0), *DATA)
    return train(dataset=data, recipe=Recipe(model=model, epochs=2, batch_size=16, lr=0.05), out=folder, progress=False)


@pytest.fixture(scope="module")
def residual(jvm, tmp_path_factory):
    return short_run("cifar-resnet20", tmp_path_factory.mktemp("lesion") / "residual")


@pytest.fixture(scope="module")
def measured(residual):
    return lesions(residual.folder / "last.safetensors", DATA, delete=[1, 3], shuffle=[4], draws=2)


@pytest.fixture(scope="module")
def plain(jvm, tmp_path_factory):
    return short_run("plain20", tmp_path_factory.mktemp("lesion") / "plain")


class Ordered(Reference):
    """A network whose blocks are computed in a given order; bypassed ones are their shortcuts."""

    def loss(self, order, bypassed=(), plain=False):
        x, labels = DATA
        x = relu(self.norm("bn1", self.conv("conv1", x.astype(np.float64))))
        for name in order:
            out = self.tensors[f"{name}.conv2.weight"].shape[0]
            stride = 1 if out == x.shape[1] else 2
            y = relu(self.norm(f"{name}.bn1", self.conv(f"{name}.conv1", x, stride)))
            y = self.norm(f"{name}.bn2", self.conv(f"{name}.conv2", y))
            shortcut = 0 if plain else option_a(x, out, stride)
            x = relu(shortcut if name in bypassed else y + shortcut)
        return cross_entropy(self.head(x), labels)


def test_lesions_of_a_residual_network_are_computed_as_in_numpy(residual, measured):
    found = measured
    network = Ordered(read_tensors(residual.folder / "last.safetensors"))
    own = [f"layer{stage}.{block}" for stage in (1, 2, 3) for block in range(3)]
    assert found.loss == pytest.approx(network.loss(own), rel=1e-4)
    assert [row["blocks"] for row in found.of("block")] == [[name] for name in own]
    assert [row["draw"] for row in found.of("delete", 3)] == [0, 1]
    for row in found.of("block") + found.of("delete"):
        assert len(row["blocks"]) == row["size"]
        assert row["loss"] == pytest.approx(network.loss(own, row["blocks"]), rel=1e-4)
    for row in found.of("shuffle"):
        # blocks that change the shape stay, and no block leaves its stage
        assert [row["blocks"][place] for place in (3, 6)] == ["layer2.0", "layer3.0"]
        assert sorted(row["blocks"]) == own
        assert [name[:7] for name in row["blocks"]] == [name[:7] for name in own]
        assert row["loss"] == pytest.approx(network.loss(row["blocks"]), rel=1e-4)
    assert {row["loss"] for row in found.of("shuffle")} != {found.loss}


def test_blocks_of_a_plain_network_are_left_out_entirely(plain):
    with load(plain.folder / "last.safetensors") as model:
        found = lesions(model, DATA, delete=[2], shuffle=[1], draws=1)
        after = evaluate(model, DATA)
    network = Ordered(read_tensors(plain.folder / "last.safetensors"))
    own = [f"layer{stage}.{block}" for stage in (1, 2, 3) for block in range(3)]
    removable = [name for name in own if name not in ("layer2.0", "layer3.0")]
    assert [row["blocks"][0] for row in found.of("block")] == removable
    for row in found.of("block") + found.of("delete"):
        left = [name for name in own if name not in row["blocks"]]
        assert row["loss"] == pytest.approx(network.loss(left, plain=True), rel=1e-4)
    (row,) = found.of("shuffle")
    assert row["loss"] == pytest.approx(network.loss(row["blocks"], plain=True), rel=1e-4)
    # the network is complete again
    assert after.loss == found.loss == pytest.approx(network.loss(own, plain=True), rel=1e-4)


def test_single_blocks_cost_what_bypass_measures(residual, measured):
    row = measured.of("block")[4]
    last = residual.folder / "last.safetensors"
    assert row["loss"] == evaluate(last, DATA, bypass=row["blocks"]).loss


def test_seed_changes_the_draws_and_nothing_else(residual, measured):
    last = residual.folder / "last.safetensors"
    other = lesions(last, DATA, delete=[1, 3], shuffle=[4], draws=2, seed=1)
    assert (measured.loss, measured.of("block")) == (other.loss, other.of("block"))
    for kind, size in (("delete", 3), ("shuffle", 4)):
        assert [row["blocks"] for row in measured.of(kind, size)] != [row["blocks"] for row in other.of(kind, size)]
        draws = [row["blocks"] for row in other.of(kind, size)]
        assert draws[0] != draws[1]


def test_measured_rows_are_not_measured_again(residual, measured):
    rows = []
    done = [row | {"loss": -1.0} for row in measured.lesions[:12]]
    last = residual.folder / "last.safetensors"
    resumed = lesions(last, DATA, delete=[1, 3], shuffle=[4], draws=2, done=done, callback=rows.append)
    assert rows == measured.lesions[12:]
    assert resumed.lesions == done + rows


def test_draws_do_not_depend_on_versions():
    names = [f"layer1.{block}" for block in range(8)]
    assert deleted(names, 3, seed=7, draw=2) == ["layer1.2", "layer1.3", "layer1.6"]
    assert shuffled(names, pairs([0] * 8), 3, seed=7, draw=2) == [
        "layer1.5",
        "layer1.2",
        "layer1.0",
        "layer1.3",
        "layer1.4",
        "layer1.1",
        "layer1.6",
        "layer1.7",
    ]


def test_every_block_is_drawn_equally_often():
    draws = [deleted("abcde", 2, 0, draw) for draw in range(2000)]
    assert all(draw == sorted(set(draw)) and len(draw) == 2 for draw in draws)
    # 800 expected, standard deviation 22
    assert all(abs(sum(name in draw for draw in draws) - 800) < 110 for name in "abcde")


def test_kendall_tau_counts_pairs():
    assert kendall_tau([0, 1, 2, 3]) == 1
    assert kendall_tau([3, 2, 1, 0]) == -1
    # of 6 pairs, (1, 0) and (3, 2) are out of order
    assert kendall_tau([1, 0, 3, 2]) == pytest.approx((4 - 2) / 6)
    assert kendall_tau([0, 3, 1, 2]) == pytest.approx((4 - 2) / 6)


def test_summary_has_mean_and_sample_deviation(measured):
    errors = [1 - row["accuracy"] for row in measured.of("delete", 3)]
    row = next(row for row in measured.summary() if (row["kind"], row["size"]) == ("delete", 3))
    assert row["draws"] == 2
    assert row["error"] == pytest.approx(sum(errors) / 2)
    assert row["error_deviation"] == pytest.approx(np.std(errors, ddof=1))
    assert row["tau"] is None
    assert f"3 blocks left out {'2':>6}" in str(measured)


def test_command_on_a_named_data_set(command, trained):
    code, out, err = command("lesion", trained.folder, "--limit", 40, "--delete", "1,2", "--draws", 2, "--json")
    assert code == 0, err
    form = json.loads(out)
    assert list(form) == ["model", "loss", "accuracy", "seed", "lesions", "summary"]
    kinds = [(row["kind"], row["size"]) for row in form["lesions"]]
    # d2l-resnet18 has one pair of equal blocks, so that swaps lead to two orders
    assert kinds == [("block", 1)] * 8 + [("delete", 1)] * 2 + [("delete", 2)] * 2 + [
        ("shuffle", size) for size in (1, 5, 10) for _ in range(2)
    ]
    figure = trained.folder / "figures" / "lesion-limit-40.png"
    assert figure.is_file()
    rows = list(csv.DictReader(figure.with_suffix(".csv").read_text().splitlines()))
    assert [row["kind"] for row in rows] == ["none", *(kind for kind, _ in kinds)]
    assert rows[12]["blocks"] == " ".join(form["lesions"][11]["blocks"])
    assert float(rows[12]["loss"]) == form["lesions"][11]["loss"]
    assert err.splitlines()[0].startswith("without layer1.0: accuracy 0.")


def test_networks_without_blocks_and_impossible_numbers_are_rejected(jvm, residual):
    with (
        create_model("airbench94", 3, 2) as model,
        pytest.raises(UsageError, match=r"airbench94 has no blocks that can be left out\. Give the checkpoint"),
    ):
        lesions(model, DATA)
    with pytest.raises(UsageError, match=r"delete must be a whole number\. Received: 10\. Allowed: 1 to 9\."):
        lesions(residual.folder, DATA, delete=[10])
    with pytest.raises(UsageError, match="draws must be a whole number"):
        lesions(residual.folder, DATA, draws=0)
    with (
        create_model("fashion-net", 1, 2) as model,
        pytest.raises(UsageError, match=r"fashion-net has no two equal blocks to swap\. Omit --shuffle"),
    ):
        lesions(model, DATA, shuffle=[1])
