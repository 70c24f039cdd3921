"""What stays where it was in the picture of the next run: after a what-if, a turn more, an edited line."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
import numpy as np
import pytest

from core.playback import Playback
from core.records import Op, Trace
from gui.picture import cards
from gui.picture.groups import ROOT, Folding
from gui.picture.scene import Picture, Rect
from tests.gui import traces
from tests.gui.conftest import Window
from tests.gui.test_groups import LOOP, Line, loop, program


def picture(trace: Trace, previous: Picture | None = None, folding: Folding | None = None) -> Picture:
    folding = folding or (previous.folding if previous is not None else Folding())
    return Picture(trace, Playback.of(trace).index, folding, previous)


def rounded(numbers: Iterable[float]) -> Rect:
    left, top, right, bottom = (round(number, 3) for number in numbers)
    return (left, top, right, bottom)


def places(picture: Picture) -> dict[object, Rect]:
    """Where every card is seen, by what it is called in any run."""
    names = cards.identities(picture.graph, picture.trace)
    return {name: rounded(picture.rect(card)) for card, name in enumerate(names) if picture.shows(card)}


def modules() -> Trace:
    """Two blocks of a module, each with a weight of its own, then a sum outside."""
    lines: list[Line] = [
        ("linear", (1, 0, 1, 8), "Net.a", (0, 1)),
        ("relu", (2, 0, 2, 8), "Net.a", (3,)),
        ("linear", (3, 0, 3, 8), "Net.b", (4, 2)),
        ("relu", (4, 0, 4, 8), "Net.b", (5,)),
        ("sum", (5, 0, 5, 8), None, (6,)),
    ]
    return program("", ("x", "v", "w"), lines)


def edited(trace: Trace, **changes: object) -> Trace:
    return msgspec.structs.replace(trace, **changes)


def moved_down(op: Op) -> Op:
    line, column, end, end_column = op.span
    return msgspec.structs.replace(op, line=op.line + 1, span=(line + 1, column, end + 1, end_column), site="")


@pytest.mark.parametrize("trace", [traces.first(), traces.fan(), loop(9), loop(40), modules()])
def test_the_same_program_again_is_the_same_picture(trace: Trace) -> None:
    before = picture(trace)
    # Folding and unfolding has moved the whole picture meanwhile.
    for group in list(before.groups)[1:3]:
        before = picture(trace, picture(trace, before, before.folding.toggled(group)), before.folding)
    after = picture(edited(trace), before)
    assert places(after) == places(before)
    assert {group: rounded(frame) for group, frame in after.frames.items()} == {
        group: rounded(frame) for group, frame in before.frames.items()
    }
    for old, new in zip(before.strands, after.strands, strict=True):
        assert np.allclose(old.route, new.route)


def test_a_cut_moves_nothing_and_neither_does_its_end() -> None:
    before = picture(traces.first())
    cut = picture(traces.first(cut=True), before)
    assert places(cut) == places(before)
    assert places(picture(traces.first(), cut)) == places(before)


def test_longer_numbers_push_what_comes_after_and_shorter_ones_nothing() -> None:
    before = picture(traces.first())
    longer = picture(traces.first(seed=(-1234.5678, 0.0001234)), before)
    old, new = places(before), places(longer)
    assert old != new
    assert all(new[name][:2] >= (old[name][0], old[name][1]) for name in old)
    assert [rect[1] for rect in new.values()] == [rect[1] for rect in old.values()]
    assert places(picture(traces.first(), longer)) == new


@pytest.mark.parametrize("turns", [5, 9])
def test_a_turn_more_leaves_the_others_where_they_were(turns: int) -> None:
    before = picture(loop(turns), folding=Folding(depth=9))
    after = picture(loop(turns + 1), before)
    old, new = places(before), places(after)
    turning = [name for name in old if name[0][0] in ("mul", "add")]  # type: ignore[index]
    assert len(turning) == 2 * turns
    assert {name: new[name] for name in turning} == {name: old[name] for name in turning}
    assert len(new) == len(old) + 2
    rects = [rect for rect in new.values() if rect != (0, 0, 0, 0)]
    assert len(set(rects)) == len(new)


def test_what_is_open_stays_open_when_a_loop_turns_more_often() -> None:
    before = picture(loop(4))
    assert not before.folded
    after = picture(loop(9), before)
    assert not {"loop0", *(f"loop0/{turn}" for turn in range(4))} & after.folded
    assert "loop0" in picture(loop(9)).folded


def test_a_line_inserted_above_moves_nothing() -> None:
    trace = loop(9)
    before = picture(trace)
    lower = edited(trace, source="\n" + LOOP, ops=tuple(map(moved_down, trace.ops)))
    assert places(picture(lower, before)) == places(before)


def test_another_program_is_drawn_as_if_it_came_first() -> None:
    fresh = picture(loop(9))
    assert places(picture(loop(9), picture(traces.first()))) == places(fresh)


def test_runs_of_one_file_are_of_one_program_and_without_a_file_those_that_read_alike() -> None:
    here, there = (edited(loop(9), path=path) for path in ("a.py", "b.py"))
    assert cards.same_program(here, edited(traces.first(), path="a.py"))
    assert not cards.same_program(here, there)
    assert cards.same_program(here, edited(loop(9), source="\n" + LOOP))
    assert not cards.same_program(loop(9), traces.first())
    # A run of the same text that ended before its first operation.
    assert cards.same_program(loop(9), edited(loop(9), ops=()))


def test_an_edited_program_of_no_file_stays_folded_as_it_was(window: Window) -> None:
    window.worker.record = lambda job: loop(9)
    canvas = window.app.canvas
    window.key("<F5>")
    assert canvas.picture is not None
    canvas.fold(canvas.picture.groups[ROOT].groups[0])
    folded = canvas.picture.folded
    window.worker.record = lambda job: edited(loop(9), source="\n" + LOOP, ops=tuple(map(moved_down, loop(9).ops)))
    window.key("<F5>")
    assert canvas.picture.folded == folded


def test_a_parameter_is_as_wide_as_its_numbers_not_as_the_memory_before_them() -> None:
    def net(garbage: float) -> Trace:
        trace = program("", ("", "w"), [("uniform_", (1, 0, 1, 8), "Net", (0,)), ("neg", (2, 0, 2, 3), None, (1,))])
        memory = msgspec.structs.replace(trace.values[0], names=(), tensor=traces.tensor(garbage, 0))
        weight = msgspec.structs.replace(trace.values[1], previous=0)
        values = (memory, weight, *trace.values[2:])
        ops = (msgspec.structs.replace(trace.ops[0], inplace=True, outputs=(1,)), trace.ops[1])
        return edited(trace, values=values, ops=ops)

    assert places(picture(net(0))) == places(picture(net(-1.234e-31)))


def test_what_the_reader_folded_stays_folded_in_the_next_run(window: Window) -> None:
    window.worker.record = lambda job: loop(9 + bool(job.what_if.seeds))
    canvas = window.app.canvas
    window.key("<F5>")
    assert canvas.picture is not None
    group = canvas.picture.groups[ROOT].groups[0]
    canvas.fold(group)
    folded = canvas.picture.folded
    window.key("<F5>")
    assert canvas.picture.folded == folded
    window.worker.record = lambda job: traces.first()
    window.key("<F5>")
    assert canvas.picture.folding == Folding()


def test_of_several_groups_folded_at_once_the_first_stays_in_its_place() -> None:
    trace = loop(9)
    before = picture(trace, folding=Folding(depth=9))
    after = picture(trace, before, Folding(depth=1))
    turns = [group for group in before.frames if group in after.folded]
    assert len(turns) > 5
    assert turns[0].endswith("/0")
    (box,) = [number for number, unit in enumerate(after.units) if unit.group == turns[0]]
    assert rounded(after.rects[box])[:2] == rounded(before.frames[turns[0]])[:2]
