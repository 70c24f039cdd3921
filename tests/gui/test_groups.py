"""Groups of cards: modules, loops and their turns, repeated blocks, and how they fold."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from msgspec.structs import replace

from core.playback import Index
from core.records import Event, Op, Pass, Span, Trace, Value
from gui.picture import cards, groups
from gui.picture.groups import ROOT, Folding, Group
from tests.gui import traces

Line = tuple[str, Span, str | None, Sequence[int]]
"""Name, span, module and input values of an operation; its result has the number of leaves + its own number."""


def program(
    source: str, leaves: Sequence[str], lines: Sequence[Line], passes: Sequence[tuple[int, Span]] = ()
) -> Trace:
    """A trace of operations; ``passes`` are backward calls: after which operation, and where they are written."""
    one = traces.tensor(1, 2)
    values = [Value(n, (name,), (2,), "float32", True, True, one) for n, name in enumerate(leaves)]
    ops, hits, events = [], {}, []
    calls = dict(passes)
    for number, (name, span, module, inputs) in enumerate(lines):
        made = len(leaves) + number
        values.append(Value(made, (), (2,), "float32", True, False, one))
        hit = hits[(name, span, module)] = hits.get((name, span, module), -1) + 1
        ops.append(
            Op(number, name, span[0], span, name, tuple(inputs), (made,), module, hit, f"#{number}", tracked=True)
        )
        events.append(Event("op", op=number, line=span[0]))
        if number in calls:
            events.append(Event("pass", pass_=sorted(calls).index(number), line=calls[number][0]))
    calls_made = tuple(Pass("backward", calls[n][0], (one,), span=calls[n]) for n in sorted(calls))
    return Trace("2.13.0", source, "", tuple(values), tuple(ops), calls_made, (), tuple(events))


def grouped(trace: Trace, helpers: bool = False) -> dict[str, Group]:
    return groups.build(trace, cards.build(trace, Index(trace)), helpers)


def children(found: dict[str, Group], group: str = ROOT) -> list[Group]:
    return [found[inner] for inner in found[group].groups]


LOOP = "for t in range(9):\n    a = h * w\n    h = a + w\nh.sum()\n"


def loop(turns: int) -> Trace:
    """h = h·w + w, again and again, then a sum."""
    lines: list[Line] = []
    last = 0
    for _ in range(turns):
        lines.append(("mul", (2, 8, 2, 13), None, (last, 1)))
        lines.append(("add", (3, 8, 3, 13), None, (1 + len(lines), 1)))
        last = 1 + len(lines)
    lines.append(("sum", (4, 0, 4, 7), None, (last,)))
    return program(LOOP, ("h", "w"), lines)


def data(length: int) -> Trace:
    """A chain of so many untracked operations that begins with one that makes data; its end is multiplied by w."""
    lines: list[Line] = [("randn", (1, 0, 1, 5), None, ())]
    lines += [("neg", (2 + n, 0, 2 + n, 5), None, (1 + n,)) for n in range(length)]
    trace = program("", ("w",), [*lines, ("mul", (99, 0, 99, 5), None, (0, 1 + length))])
    values = [replace(v, requires_grad=v.id in (0, 2 + length), is_leaf=v.id < 2 + length) for v in trace.values]
    values[1 + length] = replace(values[1 + length], names=("x",))
    return replace(trace, values=tuple(values))


def test_data_that_is_prepared_in_many_steps_is_one_box() -> None:
    found = grouped(data(groups.PREPARED))
    (box,) = children(found)
    # With what it begins with; the weight and the product stand outside.
    assert (box.kind, box.name, box.size, len(found[ROOT].cards)) == ("data", "x", groups.PREPARED + 1, 2)
    assert groups.start(found, Folding()) == {box.id}
    assert groups.start(found, Folding().toggled(box.id)) == frozenset()
    assert not children(grouped(data(groups.PREPARED - 1)))


def test_a_loop_shows_its_turns() -> None:
    found = grouped(loop(9))
    (turning,) = children(found)
    assert (turning.kind, turning.name, turning.count, turning.size) == ("loop", "for t in range(9)", 9, 18)
    assert [turn.first for turn in children(found, turning.id)] == list(range(9))
    assert {turn.size for turn in children(found, turning.id)} == {2}
    # What was made before the loop, and what comes after it, stands outside.
    assert len(found[ROOT].cards) == 3


def test_many_turns_are_taken_by_tens() -> None:
    found = grouped(loop(137))
    (turning,) = children(found)
    tens = children(found, turning.id)
    assert turning.count == 137
    assert [(ten.first, ten.count) for ten in tens][:2] == [(0, 10), (10, 10)]
    assert sum(ten.count for ten in tens) == 137


def test_the_last_test_of_a_while_is_no_turn() -> None:
    source = "while x.norm() < 9:\n    x = x * w\n"
    lines: list[Line] = []
    last = 0
    for turn in range(4):
        lines.append(("norm", (1, 6, 1, 14), None, (last,)))
        if turn < 3:
            lines.append(("mul", (2, 8, 2, 13), None, (last, 1)))
            last = 1 + len(lines)
    (turning,) = children(grouped(program(source, ("x", "w"), lines)))
    assert (turning.count, turning.size) == (3, 6)


def test_what_a_function_does_belongs_to_the_turn_that_called_it() -> None:
    source = "def f(x):\n    return x * w + w\nfor i in range(3):\n    y = f(x)\n    z = y - x\n"
    lines: list[Line] = []
    for _ in range(3):
        lines += [("mul", (2, 11, 2, 16), None, (0, 1)), ("add", (2, 11, 2, 20), None, (2 + len(lines), 1))]
        lines.append(("sub", (5, 8, 5, 13), None, (1 + len(lines), 0)))
    (turning,) = children(grouped(program(source, ("x", "w"), lines)))
    assert [turn.size for turn in children(grouped(program(source, ("x", "w"), lines)), turning.id)] == [3, 3, 3]


def test_loops_within_loops() -> None:
    source = "for i in range(2):\n    for j in range(3):\n        x = x * w\n        x = x + w\n    x = x - w\n"
    lines: list[Line] = []
    for _ in range(2):
        for _ in range(3):
            lines += [("mul", (3, 12, 3, 17), None, (0, 1)), ("add", (4, 12, 4, 17), None, (0, 1))]
        lines.append(("sub", (5, 8, 5, 13), None, (0, 1)))
    found = grouped(program(source, ("x", "w"), lines))
    (outer,) = children(found)
    inner = [group for turn in children(found, outer.id) for group in children(found, turn.id)]
    assert (outer.count, [group.count for group in inner]) == (2, [3, 3])
    assert {group.name for group in inner} == {"for j in range(3)"}


def layers(count: int) -> Trace:
    """A network of equal layers of three operations, each with a weight."""
    lines: list[Line] = []
    for layer in range(count):
        module = f"Net.layers.{layer}"
        before = 0 if not layer else count + len(lines)
        lines.append(("linear", (5, 8, 5, 20), module, (before, 1 + layer)))
        lines.append(("relu", (6, 8, 6, 20), module, (count + len(lines),)))
        lines.append(("dropout", (7, 8, 7, 20), module, (count + len(lines),)))
    lines.append(("sum", (9, 0, 9, 9), "Net", (count + len(lines),)))
    names = ["x", *(f"net.layers.{layer}.weight" for layer in range(count))]
    return program("", names, lines)


def test_equal_layers_are_rolled_up() -> None:
    found = grouped(layers(6))
    (net,) = children(found)
    (rolled,) = children(found, net.id)
    assert (net.kind, net.name) == ("module", "net")
    assert (rolled.kind, rolled.name, rolled.count) == ("repeat", "net.layers", 6)
    assert [block.name for block in children(found, rolled.id)][:2] == ["net.layers.0", "net.layers.1"]
    # A weight stands in the layer that uses it.
    assert {block.size for block in children(found, rolled.id)} == {4}


def test_unequal_layers_are_not_rolled_up() -> None:
    trace = layers(2)
    ops = [replace(op, name="gelu") if op.id == 4 else op for op in trace.ops]
    found = grouped(replace(trace, ops=tuple(ops)))
    assert not [group for group in found.values() if group.kind == "repeat"]
    assert [group.count for group in grouped(trace).values() if group.kind == "repeat"] == [2]


def test_two_calls_of_one_module_are_two_groups() -> None:
    spans: list[Span] = [(1, 4, 1, 8), (1, 11, 1, 15)]
    lines: list[Line] = []
    for span in spans:
        lines += [("linear", span, "Sequential.0", (0, 1)), ("linear", span, "Sequential.2", (0, 2))]
    # The weights stand where they are used first.
    found = grouped(program("y = D(x) + D(x)\n", ("x", "D.0.weight", "D.2.weight"), lines))
    assert [(group.name, group.size) for group in children(found)] == [("D", 4), ("D", 2)]


def open_groups(found: dict[str, Group], folding: Folding | None = None) -> list[str]:
    """Names of what is open, and seen."""
    folded, said, around = groups.start(found, folding or Folding()), [], [ROOT]
    while around:
        inner = [group for group in found[around.pop(0)].groups if group not in folded]
        said += [found[group].name for group in inner]
        around += inner
    return said


def test_a_short_loop_starts_open_and_a_longer_one_rolled_up() -> None:
    assert open_groups(grouped(loop(3))) == ["for t in range(9)", "0", "1", "2"]
    for turns in (groups.TURNS + 1, 9, 200):
        assert open_groups(grouped(loop(turns))) == []


def test_unrolling_shows_every_turn_by_number() -> None:
    found = grouped(loop(12))
    (turning,) = children(found)
    unrolled = Folding().toggled(turning.id)
    assert open_groups(found, unrolled) == [turning.name]
    assert [turn.first for turn in children(found, turning.id)] == list(range(12))
    assert not {turn.id for turn in children(found, turning.id)} - groups.start(found, unrolled)
    # Turns of one operation each fit beside one another, and need no frames opened one by one.
    assert groups.start(found, unrolled.toggled(turning.id)) == groups.start(found, Folding())


def test_a_picture_too_wide_keeps_its_modules_folded() -> None:
    lines: list[Line] = []
    for module in ("Net.up", "Net.down"):
        for _ in range(6):
            lines.append((f"relu{len(lines)}", (1, 0, 1, 4), module, (len(lines) + 5,) if lines else (0,)))
    lines += [("exp", (2, 0, 2, 3), "Net", (1 + number,)) for number in range(4)]
    found = grouped(program("", ("x", *"abcde"), lines))
    assert open_groups(found) == ["Net"]
    assert {group.name for group in children(found, "Net")} == {"Net.up", "Net.down"}
    # What fits on the screen starts open.
    few = grouped(program("", ("x", *"abcde"), [*lines[:3], *lines[6:9], *lines[12:]]))
    assert open_groups(few) == ["Net", "Net.up", "Net.down"]


def test_of_a_training_loop_the_first_turn_is_shown() -> None:
    source = "for epoch in range(9):\n    y = x * w\n    loss = y + w\n    loss.backward()\n"
    for turns in (9, 300):
        lines: list[Line] = []
        calls: list[tuple[int, Span]] = []
        for _ in range(turns):
            lines += [("mul", (2, 8, 2, 13), None, (0, 1)), ("add", (3, 11, 3, 16), None, (2 + len(lines), 1))]
            calls.append((len(lines) - 1, (4, 4, 4, 19)))
        found = grouped(program(source, ("x", "w"), lines, calls))
        shown = open_groups(found)
        assert shown[0] == "for epoch in range(9)"
        assert shown[-1] == "0"
        assert shown.count("1") == 0


def test_what_the_reader_folds_stands_above_the_rule() -> None:
    found = grouped(loop(3))
    (turning,) = children(found)
    folding = Folding().toggled(turning.id)
    assert groups.start(found, folding) == {turning.id}
    assert folding.toggled(turning.id) == Folding()
    # Another run may have more turns, and would start rolled up, or fewer.
    longer, (turning,) = grouped(loop(9)), children(grouped(loop(9)))
    kept = folding.settled(found, groups.start(found, folding))
    assert turning.id in groups.start(longer, kept)
    unrolled = Folding().toggled(turning.id)
    kept = unrolled.settled(longer, groups.start(longer, unrolled))
    assert turning.id not in groups.start(found, kept)
    assert turning.id not in groups.start(grouped(loop(12)), kept)
    assert turning.id in groups.start(found, kept.toggled(turning.id))

    assert groups.start(found, Folding(depth=0)) == set(found) - {ROOT}
    assert groups.start(found, Folding(depth=1)) == {turn.id for turn in children(found, turning.id)}


def test_modules_a_thousand_deep_are_drawn() -> None:
    lines: list[Line] = []
    for depth in range(1, 1000):
        module = ".".join(["Net", *(f"m{level}" for level in range(depth))])
        lines += [("relu", (depth, 0, depth, 4), module, (len(lines),)), ("exp", (depth, 0, depth, 3), module, (0,))]
    found = grouped(program("", ("x",), lines))
    assert found[ROOT].size == 1 + len(lines)
    assert groups.start(found, Folding())


@pytest.mark.parametrize("source", ["for", "", "x" * 5000, "(" * 400 + ")" * 400])
def test_a_source_that_cannot_be_read_has_no_loops(source: str) -> None:
    trace = program(source, ("x",), [("exp", (1, 0, 1, 3), None, (0,))] * 3)
    assert list(grouped(trace)) == [ROOT]
