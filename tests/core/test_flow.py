"""How large gradients are, on programs that torch has run."""

from __future__ import annotations

import math
from itertools import pairwise

import torch

from core.engine import record
from core.flow import Flow, flow, share, steps
from core.playback import Playback
from core.records import Options


def flows(source: str) -> dict[str, Flow]:
    playback = Playback.of(record(source, options=Options(verify=False))).end()
    return {row.name: row for row in flow(playback)}


PROGRAM = """import torch
a = torch.tensor([1., -2.], requires_grad=True)
b = torch.tensor([1., 1.], requires_grad=True)
c = torch.tensor([1., 1.], requires_grad=True)
d = torch.tensor([1., 1.], requires_grad=True)
e = torch.tensor([0., 1.], requires_grad=True)
f = torch.tensor([1., 1.], requires_grad=True)
loss = (a**3 + b*1e-5 + d*0 + e.sqrt() + f*5e3).sum()
loss.backward()
"""


def test_each_leaf_has_its_size_and_its_flag() -> None:
    rows = flows(PROGRAM)
    assert list(rows) == ["a", "b", "c", "d", "e", "f"]
    assert rows["a"].size == 12
    assert {name: row.flag for name, row in rows.items()} == {
        "a": "", "b": "vanishing", "c": "missing", "d": "zero", "e": "nan", "f": "exploding",
    }  # fmt: skip
    assert rows["c"].size is None
    assert rows["e"].size == math.inf


def test_before_a_pass_has_ended_nothing_is_missing() -> None:
    playback = Playback.of(record(PROGRAM, options=Options(verify=False))).home()
    assert {row.flag for row in flow(playback)} == {""}


def test_large_gradients_have_their_true_size() -> None:
    source = (
        "import torch\ntorch.manual_seed(0)\nw = torch.zeros(200, 100, requires_grad=True)\n"
        "(w * torch.randn(200, 100)).sum().backward()\n"
    )
    torch.manual_seed(0)
    largest = float(torch.randn(200, 100).abs().max())
    assert flows(source)["w"].size == largest


SIGMOIDS = """import torch
h = torch.tensor([0.5], requires_grad=True)
for _ in range(10):
    h = torch.sigmoid(h)
h.sum().backward()
"""


def test_the_steps_of_a_chain_of_sigmoids_shrink_and_the_last_are_flagged() -> None:
    playback = Playback.of(record(SIGMOIDS, options=Options(verify=False)))
    assert steps(playback) == ()
    rows = steps(playback.end())
    sizes = [row.size for row in rows if row.size is not None]
    assert len(sizes) == 12  # the sum, ten sigmoids, the leaf
    assert sizes[0] == sizes[1] == 1
    assert all(after <= before / 4 for before, after in pairwise(sizes[1:]))
    assert rows[1].name == "SigmoidBackward0 (h)"
    assert [row.flag for row in rows].index("vanishing") == next(n for n, size in enumerate(sizes) if size < 1e-4)
    assert [playback.at(row.at + 1).node is not None for row in rows] == [True] * 12


def test_a_bar_is_long_on_a_scale_of_powers_of_ten() -> None:
    assert [share(size, 1.0) for size in (None, 0.0, math.inf, 1.0, 1e-6)] == [0, 0, 0, 1, 0.5]
