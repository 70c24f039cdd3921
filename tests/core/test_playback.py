"""Playback: what is known at each moment."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.parts import Part
from core.playback import Playback, add
from core.records import TensorSnapshot, Trace
from tests.gui import traces

TRACES = {
    "first": traces.first(),
    "cut": traces.first(cut=True),
    "fan": traces.fan(),
    "failed": traces.failed(),
    "chain": traces.chain(7),
    "empty": Trace("2.13.0", ""),
}


def known(playback: Playback) -> object:
    """Everything a Playback says of its moment."""
    trace = playback.trace
    nodes = [(number, node.id) for number, backward in enumerate(trace.passes) for node in backward.nodes]
    return (
        playback.event,
        playback.line,
        playback.span,
        playback.current_pass,
        [playback.exists(value.id) for value in trace.values],
        [playback.tensor(value.id) for value in trace.values],
        [playback.grad(value.id) for value in trace.values],
        [playback.ran(op.id) for op in trace.ops],
        [(playback.arrived(key), playback.held(key), playback.emitted(key)) for key in nodes],
    )


@given(st.sampled_from(sorted(TRACES)), st.lists(st.sampled_from(["forward", "back", "home", "end"]), max_size=30))
def test_forward_then_back_is_identity(name: str, moves: list[str]) -> None:
    playback = Playback.of(TRACES[name])
    for move in moves:
        playback = getattr(playback, move)()
        if not playback.at_end:
            assert playback.forward().back() == playback
            assert known(playback.forward().back()) == known(playback)
        if playback.cursor:
            assert known(playback.back().forward()) == known(playback)
        assert known(playback) == known(Playback.of(TRACES[name], playback.cursor))


@pytest.mark.parametrize("name", sorted(TRACES))
def test_out_retraces_every_part_that_into_told(name: str) -> None:
    there = [Playback.of(TRACES[name])]
    while not there[-1].at_end:
        there.append(there[-1].into())
    back = [there[-1]]
    while back[-1].cursor or back[-1].part:
        back.append(back[-1].out())
    assert back == there[::-1]
    assert all(known(inside) == known(inside.at(inside.cursor)) for inside in there if not inside.part)
    assert [place.cursor for place in there if not place.part] == list(range(len(TRACES[name].events) + 1))


def test_the_parts_of_a_node_and_of_a_leaf() -> None:
    playback = Playback.of(traces.fan(), 3)
    assert [part.kind for part in playback.parts] == ["arrives", "jacobian", "vjp"]
    assert playback.forward().parts == (Part("arrives", 1), Part("arrives", 2))
    assert playback.home().parts == ()
    told = playback.forward().into()
    assert (told.subject, told.node, told.inside) == ((0, 1), (0, 0), Part("arrives", 1))
    assert told.span == (1, 4, 1, 40)  # of the leaf, not of the multiplication that has just run


def test_cursor_stays_inside() -> None:
    playback = Playback.of(traces.first())
    assert playback.back().cursor == 0
    assert playback.end().forward() == playback.end()
    assert playback.at(-5).cursor == 0
    assert playback.event is None


def test_values_exist_once_their_operation_ran() -> None:
    playback = Playback.of(traces.first()).at(3)
    assert [playback.exists(value) for value in range(7)] == [True, True, True, False, False, False, False]
    assert playback.line == 5
    assert playback.span == (5, 6, 5, 10)


def test_grad_is_none_until_the_leaf_accumulated() -> None:
    playback = Playback.of(traces.first())
    b_step = playback.at(11)
    assert b_step.grad(1) == traces.tensor(-12, -8)
    assert b_step.grad(0) is None
    assert b_step.back().grad(1) is None
    assert b_step.end().grad(0) == traces.tensor(36, 81)


def test_seed_arrives_when_the_pass_begins() -> None:
    playback = Playback.of(traces.first())
    assert playback.at(7).arrived((0, 0)).contributions == ()
    seeded = playback.at(8)
    assert [c.tensor for c in seeded.arrived((0, 0)).contributions] == [traces.tensor(1, 1)]
    assert seeded.arrived((0, 0)).complete
    assert seeded.emitted((0, 0)) is None
    assert seeded.held((0, 0)) == (traces.tensor(1, 1),)


def test_two_paths_into_one_leaf() -> None:
    playback = Playback.of(traces.fan()).at(4)
    buffer = playback.arrived((0, 1))
    assert (len(buffer.contributions), buffer.expected, buffer.complete) == (2, 2, True)
    assert playback.held((0, 1)) == (traces.tensor(6, shape=()),)
    assert playback.forward().grad(0) == traces.tensor(6, shape=())


def test_writes_to_grad_are_replayed() -> None:
    playback = Playback.of(traces.fan()).end()
    assert playback.grad(0) is None
    assert playback.back().grad(0) == traces.tensor(6, shape=())


def test_step_shows_the_expression_of_its_operation() -> None:
    playback = Playback.of(traces.first()).at(12)
    assert playback.node == (0, 1)
    assert playback.line == 7
    assert playback.span == (5, 4, 5, 10)


@pytest.mark.parametrize(
    ("before", "this", "after"),
    [
        (None, None, None),
        (traces.tensor(1), None, traces.tensor(1)),
        (None, traces.tensor(1), traces.tensor(1)),
        (traces.tensor(1e8), traces.tensor(1), traces.tensor(1e8)),
        (traces.tensor(1, 2), traces.tensor(3, 4), traces.tensor(4, 6)),
    ],
)
def test_add_as_the_buffer_does(
    before: TensorSnapshot | None, this: TensorSnapshot | None, after: TensorSnapshot | None
) -> None:
    assert add(before, this) == after


@pytest.mark.parametrize(("dtype", "word"), [("complex64", "f"), ("complex128", "d")])
def test_complex_gradients_are_added(dtype: str, word: str) -> None:
    one, other, total = (
        TensorSnapshot((2,), dtype, struct.pack(f"<4{word}", *numbers))
        for numbers in ((1.0, -2.0, 0.0, 3.0), (0.5, 2.0, 4.0, -1.0), (1.5, 0.0, 4.0, 2.0))
    )
    assert add(one, other) == total


def test_add_does_not_invent() -> None:
    half = TensorSnapshot((1,), "float16", struct.pack("<f", 1.0))
    total = add(half, half)
    assert total is not None
    assert total.opaque
