"""Arrangement: whatever the graph and its groups, in both directions nothing overlaps and every line is whole."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.layout import Direction
from gui.picture.arrangement import Arrangement, Extent, Rect, Strand, Unit, arrange
from gui.picture.cards import Card, Graph, Wire
from gui.picture.groups import ROOT, Group
from gui.picture.shapes import overlap, sample

HEADER = 150.0
"""What the name of a group needs."""


class Program:
    """Any cards, any wires between them, any groups around them, some folded."""

    def __init__(self, draw: st.DrawFn) -> None:
        count = draw(st.integers(0, 12))
        card = st.integers(0, max(0, count - 1))
        links = draw(st.lists(st.tuples(card, card), max_size=20 if count else 0))
        parents = {ROOT: ROOT}
        for number in range(draw(st.integers(0, 4))):
            parent = draw(st.sampled_from(sorted(parents)))
            parents[f"{parent}/{number}" if parent else str(number)] = parent
        homes = [draw(st.sampled_from(sorted(parents))) for _ in range(count)]
        self.hold(count, links, parents, homes)
        self.folded = frozenset(draw(st.sets(st.sampled_from(sorted(parents)))) - {ROOT})
        side = st.floats(20, 300)
        self.sizes = draw(st.lists(st.tuples(side, side), min_size=count, max_size=count))

    def hold(self, count: int, links: list[tuple[int, int]], parents: dict[str, str], homes: list[str]) -> None:
        wires = tuple(Wire(number, *link) for number, link in enumerate(links))
        self.graph = Graph(tuple(Card(number, str(number)) for number in range(count)), wires, {}, {}, {})
        self.groups = {
            id_: Group(
                id_, "module", "name", 1, 0, parent,
                tuple(other for other in parents if other != ROOT and parents[other] == id_),
                tuple(number for number, home in enumerate(homes) if home == id_), 0,
            )
            for id_, parent in parents.items()
        }  # fmt: skip

    def extent(self, unit: Unit, direction: Direction) -> Extent:
        width, height = (190.0, 80.0) if unit.card is None else self.sizes[unit.card]
        across = width if direction == "down" else height
        return Extent(width, height, axis=across * 0.4, port=across * 0.5)

    def arranged(self, direction: Direction) -> Arrangement:
        return arrange(
            self.graph, self.groups, self.folded, lambda unit: self.extent(unit, direction),
            lambda group: HEADER if group else 0.0, 48.0, lambda wires: (60.0 * len(wires), 90.0), direction=direction,
        )  # fmt: skip


class Straightforward(Program):
    """Values used later on, most of them twice by the same card; calls within calls around what comes in a row."""

    def __init__(self, draw: st.DrawFn) -> None:
        count = draw(st.integers(2, 8))
        links = []
        for target in range(1, count):
            for source in sorted(draw(st.sets(st.integers(max(0, target - 3), target - 1), min_size=1, max_size=2))):
                links += [(source, target)] * draw(st.integers(1, 2))
        spans = {ROOT: (0, count)}
        parents = {ROOT: ROOT}
        for number in range(draw(st.integers(0, 4))):
            parent = draw(st.sampled_from(sorted(parents)))
            first, end = spans[parent]
            first, end = sorted(draw(st.tuples(st.integers(first, end), st.integers(first, end))))
            beside = [spans[other] for other in parents if other != ROOT and parents[other] == parent]
            if first < end and all(end <= start or stop <= first for start, stop in beside):
                id_ = f"{parent}/{number}" if parent else str(number)
                parents[id_], spans[id_] = parent, (first, end)
        inmost = sorted(parents, key=lambda id_: id_.count("/") if id_ else -1)
        homes = [[id_ for id_ in inmost if spans[id_][0] <= card < spans[id_][1]][-1] for card in range(count)]
        self.hold(count, links, parents, homes)
        self.folded = frozenset()
        self.sizes = [(120.0, draw(st.floats(150, 250))) for _ in range(count)]


programs = st.composite(Program)()
straightforward = st.composite(Straightforward)()
directions = st.sampled_from(["right", "down"])


def within(inner: Rect, outer: Rect) -> bool:
    return outer[0] < inner[0] and outer[1] < inner[1] and inner[2] < outer[2] and inner[3] < outer[3]


def rect(row: np.ndarray) -> Rect:
    left, top, right, bottom = map(float, row)
    return (left, top, right, bottom)


@given(programs, directions)
@settings(max_examples=150, deadline=None)
def test_nothing_overlaps_and_frames_hold_what_is_theirs(program: Program, direction: Direction) -> None:
    found = program.arranged(direction)
    boxes = {("unit", number): rect(row) for number, row in enumerate(found.rects)}
    boxes |= {("frame", group): frame for group, frame in found.frames.items()}
    around = {("unit", number): unit.around for number, unit in enumerate(found.units)}
    around |= {("frame", group): program.groups[group].parent for group in found.frames}
    for (kind, what), box in boxes.items():
        assert kind == "unit" or box[2] - box[0] > HEADER - 1e-6
        home = around[kind, what]
        assert home == ROOT or within(box, found.frames[home])
    for a, b in combinations(boxes, 2):
        if around[a] == around[b]:
            assert not overlap(boxes[a], boxes[b])


@given(programs, directions)
@settings(max_examples=150, deadline=None)
def test_lines_lead_from_one_side_to_the_other(program: Program, direction: Direction) -> None:
    found = program.arranged(direction)
    along = 1 if direction == "down" else 0
    drawn = set()
    for strand in found.strands:
        source, target = rect(found.rects[strand.source]), rect(found.rects[strand.target])
        start, end = strand.route[0], strand.route[-1]
        assert start[along] == pytest.approx(source[along + 2])
        assert end[along] == pytest.approx(target[along])
        # In the part around the axis, half as long as the side.
        for box, point in ((source, start), (target, end)):
            side = box[3 - along] - box[1 - along]
            assert abs(point[1 - along] - box[1 - along] - side * 0.4) <= side * 0.25 + 1e-6
        assert len(strand.route) % 3 == 1
        points = sample(strand.route)
        assert np.isfinite(points).all()
        assert np.abs(np.diff(points, axis=0)).max() < max(np.ptp(found.rects), 500.0)
        drawn |= set(strand.wires)
    shown = found.unit_of_card
    assert drawn == {wire.id for wire in program.graph.wires if shown[wire.source] != shown[wire.target]}


@given(programs, directions)
@settings(max_examples=150, deadline=None)
def test_no_line_runs_through_a_box(program: Program, direction: Direction) -> None:
    found = program.arranged(direction)
    for strand in found.strands:
        points = sample(strand.route)[:, None]
        inside = (points > found.rects[:, :2] + 0.5) & (points < found.rects[:, 2:] - 0.5)
        assert not inside.all(axis=2).any()


def together(one: Strand, other: Strand) -> float:
    """How far one line, but for its ends, runs so close beside the other that nobody could tell them apart."""
    ways = []
    for strand in (one, other):
        points = sample(strand.route)
        gone = np.r_[0.0, np.cumsum(np.hypot(*np.diff(points, axis=0).T))]
        steps = np.arange(0.0, gone[-1], 2.0)
        ways.append(np.c_[np.interp(steps, gone, points[:, 0]), np.interp(steps, gone, points[:, 1])])
    away = np.hypot(*(ways[0][:, None] - ways[1][None]).transpose(2, 0, 1)).min(axis=1)
    longest = now = 0
    for close in away[15:-15] < 2.5:
        now = now + 1 if close else 0
        longest = max(longest, now)
    return 2.0 * longest


@given(straightforward, directions)
@settings(max_examples=150, deadline=None)
def test_lines_between_the_same_two_cards_are_apart_also_across_frames(program: Program, direction: Direction) -> None:
    found = program.arranged(direction)
    for one, other in combinations(found.strands, 2):
        if (one.source, one.target) == (other.source, other.target):
            assert together(one, other) < 30


@given(programs, directions)
@settings(max_examples=100, deadline=None)
def test_is_the_same_every_time(program: Program, direction: Direction) -> None:
    one, other = program.arranged(direction), program.arranged(direction)
    assert np.array_equal(one.rects, other.rects)
    assert (one.frames, one.strands) == (other.frames, other.strands)


@pytest.mark.parametrize("direction", ["right", "down"])
def test_the_main_chain_runs_straight_through_frames(direction: Direction) -> None:
    """A chain through a frame that also holds a wide weight beside it."""
    graph = Graph(
        tuple(Card(number, str(number)) for number in range(5)),
        (Wire(0, 0, 1), Wire(1, 1, 2), Wire(2, 2, 3), Wire(3, 4, 2)), {}, {}, {},
    )  # fmt: skip
    groups = {
        ROOT: Group(ROOT, "module", "", 1, 0, ROOT, ("g",), (0, 3), 5),
        "g": Group("g", "module", "name", 1, 0, ROOT, (), (1, 2, 4), 3),
    }
    found = arrange(
        graph, groups, frozenset(), lambda unit: Extent(120, 90, 60 if direction == "down" else 45, 40),
        lambda group: HEADER if group else 0.0, 48.0, direction=direction,
    )  # fmt: skip
    across = 0 if direction == "down" else 1
    for strand in found.strands[:3]:
        assert {point[across] for point in strand.route} == {strand.route[0][across]}


@pytest.mark.parametrize("direction", ["right", "down"])
def test_what_lies_on_the_outermost_line_has_room_in_its_frame(direction: Direction) -> None:
    """Two operations and a line past the second, in a frame."""
    graph = Graph(
        tuple(Card(number, str(number)) for number in range(3)),
        (Wire(0, 0, 1), Wire(1, 1, 2), Wire(2, 0, 2)), {}, {}, {},
    )  # fmt: skip
    groups = {
        ROOT: Group(ROOT, "module", "", 1, 0, ROOT, ("g",), (), 3),
        "g": Group("g", "module", "name", 1, 0, ROOT, (), (0, 1, 2), 3),
    }

    def frame(room: float) -> tuple[Rect, np.ndarray]:
        found = arrange(
            graph, groups, frozenset(), lambda unit: Extent(120, 90, 60 if direction == "down" else 45, 40),
            lambda group: HEADER if group else 0.0, 48.0, lambda wires: (60.0, room), direction=direction,
        )  # fmt: skip
        past = found.strands[2]
        return found.frames["g"], sample(past.route)

    across = 0 if direction == "down" else 1
    for room in (20.0, 300.0):
        sides, points = frame(room)
        assert sides[across] < points[:, across].min() - room / 2
        assert points[:, across].max() + room / 2 < sides[across + 2]
    narrow, wide = ((sides := frame(room)[0])[across + 2] - sides[across] for room in (20.0, 300.0))
    assert wide > narrow


Links = list[tuple[int, int]]


def chips(links: Links, leaf: bool) -> list[int]:
    """The cards beside which there is a chip of card 1, which is made from card 0."""
    count = 1 + max(map(max, links))
    cards = tuple(Card(number, str(number), leaf=leaf and number == 1) for number in range(count))
    wires = tuple(Wire(number, *link) for number, link in enumerate([(0, 1), *links]))
    groups = {ROOT: Group(ROOT, "module", "", 1, 0, ROOT, (), tuple(range(count)), count)}
    found = arrange(
        Graph(cards, wires, {}, {}, {}),
        groups,
        frozenset(),
        lambda unit: Extent(120, 90, 45, 40),
        lambda group: 0.0,
        48.0,
    )
    assert {unit.card for unit in found.units if unit.user is not None} <= {1}
    users = [found.units[unit.user].card for unit in found.units if unit.user is not None]
    return sorted(user for user in users if user is not None)


@pytest.mark.parametrize(
    ("links", "beside"),
    [
        ([(1, 2), (2, 3), (1, 3)], []),
        ([(1, 2), (2, 3), (1, 3), (3, 4), (1, 4)], [3, 4]),
        ([(1, 2), (1, 2), (2, 3), (1, 3)], [3]),  # w * w * w
    ],
)
def test_a_leaf_used_three_times_is_a_chip_at_each_further_use_whatever_it_is_made_from(
    links: Links, beside: list[int]
) -> None:
    assert chips(links, leaf=True) == beside
    assert chips(links, leaf=False) == []


def test_a_chip_in_a_wide_column_leaves_its_line_room() -> None:
    """A wide weight and its first user; two further users elsewhere, to each of which a long number leads."""
    graph = Graph(
        tuple(Card(number, str(number), leaf=number == 0) for number in range(4)),
        tuple(Wire(number, 0, number + 1) for number in range(3)), {}, {}, {},
    )  # fmt: skip
    groups = {ROOT: Group(ROOT, "module", "", 1, 0, ROOT, (), (0, 1, 2, 3), 4)}
    found = arrange(
        graph, groups, frozenset(), lambda unit: Extent(40 if unit.user is not None else 600, 90, 45, 40),
        lambda group: 0.0, 48.0, lambda wires: (250.0, 30.0),
    )  # fmt: skip
    for strand in found.strands:
        assert found.rects[strand.target][0] - found.rects[strand.source][2] >= 250
