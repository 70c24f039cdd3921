"""Places of a run to go to, on hand-built and recorded traces."""

from __future__ import annotations

from core import jumps
from core.engine import record
from core.playback import Playback
from core.records import Options

TWICE = """import torch
x = torch.tensor([1., 2.], requires_grad=True)
y = torch.relu(x - 5)
y.sum().backward()
z = (x * 2).log() / 0
z.sum().backward()
"""


def played(source: str) -> Playback:
    return Playback.of(record(source, options=Options(verify=False)))


def test_backward_calls_one_after_the_other_and_back() -> None:
    playback = played(TWICE)
    first = jumps.next_call(playback.at(0))
    assert first is not None
    event = playback.at(first).event
    assert event is not None
    assert (event.kind, event.pass_) == ("pass", 0)
    second = jumps.next_call(playback.at(first))
    assert second is not None
    assert second > first
    assert jumps.next_call(playback.at(second)) is None
    assert jumps.previous_call(playback.at(second)) == first
    assert jumps.previous_call(playback.at(second + 1)) == second
    assert jumps.previous_call(playback.at(first)) is None


def test_the_first_nan_or_infinity_is_where_it_arose() -> None:
    playback = played(TWICE)
    place = jumps.first_nan(playback)
    assert place is not None
    event = playback.at(place).event
    assert event is not None
    assert event.op is not None
    assert playback.trace.ops[event.op].text == "(x * 2).log() / 0"
    assert jumps.first_nan(played(TWICE.replace(" / 0", ""))) is None


def test_the_first_zero_gradient_is_the_dead_relu() -> None:
    playback = played(TWICE)
    place = jumps.first_zero(playback)
    assert place is not None
    key = playback.at(place).node
    assert key is not None
    assert playback.trace.passes[key[0]].nodes[key[1]].name == "ReluBackward0"
    assert jumps.first_zero(played(TWICE.replace("x - 5", "x + 5"))) is None


def test_the_changes_of_a_leaf_go_round() -> None:
    playback = played(TWICE)
    (leaf,) = playback.trace.leaves
    assert leaf.value is not None
    first = jumps.next_change(playback.at(0), leaf.value)
    assert first is not None
    assert playback.at(first).grad(leaf.value) is not None
    second = jumps.next_change(playback.at(first), leaf.value)
    assert second is not None
    assert second > first
    assert jumps.next_change(playback.at(second), leaf.value) == first
    assert jumps.next_change(playback, -1) is None
