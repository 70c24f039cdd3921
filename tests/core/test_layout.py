"""Layout: whatever the graph, nothing overlaps, no edge runs through a card, and what did not change stays."""

from __future__ import annotations

import time
from itertools import pairwise
from typing import Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.layout import Cancelled, Layout, Link, Point, Size, arrange

Graph = tuple[list[Size], list[Link]]
CARD = (100.0, 60.0)


@st.composite
def graphs(draw: st.DrawFn, most: int = 14) -> Graph:
    """Any graph: cycles, self-loops, parallel edges, several parts."""
    count = draw(st.integers(0, most))
    side = st.floats(1, 300)
    sizes = draw(st.lists(st.tuples(side, side), min_size=count, max_size=count))
    card = st.integers(0, max(0, count - 1))
    links = draw(st.lists(st.tuples(card, card), max_size=30 if count else 0))
    return sizes, links


def boxes(layout: Layout, sizes: list[Size]) -> list[tuple[float, float, float, float]]:
    return [(x, y, x + w, y + h) for (x, y), (w, h) in zip(layout.corners, sizes, strict=True)]


def overlaps(layout: Layout, sizes: list[Size]) -> list[tuple[int, int]]:
    rects = boxes(layout, sizes)
    return [
        (i, j)
        for i, a in enumerate(rects)
        for j, b in enumerate(rects[:i])
        if a[0] < b[2] - 1e-6 and b[0] < a[2] - 1e-6 and a[1] < b[3] - 1e-6 and b[1] < a[3] - 1e-6
    ]


def along(route: tuple[Point, ...]) -> np.ndarray:
    """Points on a route."""
    points = np.array(route)
    a, b, c, d = points[:-1:3], points[1::3], points[2::3], points[3::3]
    t = np.linspace(0, 1, 33)[:, None, None]
    curves = a * (1 - t) ** 3 + 3 * b * t * (1 - t) ** 2 + 3 * c * t**2 * (1 - t) + d * t**3
    return curves.transpose(1, 0, 2).reshape(-1, 2)


def pierced(layout: Layout, sizes: list[Size]) -> list[tuple[int, int]]:
    """(edge, card) where an edge runs through a card, its own included."""
    if not layout.routes:
        return []
    inner = np.array(boxes(layout, sizes))[:, None] + [1e-3, 1e-3, -1e-3, -1e-3]
    found = []
    for number, route in enumerate(layout.routes):
        points = along(route)
        inside = ((points > inner[..., :2]) & (points < inner[..., 2:])).all(-1).any(-1)
        found += [(number, int(card)) for card in np.nonzero(inside)[0]]
    return found


def chain(count: int, first: int = 0) -> list[Link]:
    return list(pairwise(range(first, first + count)))


def residual(blocks: int) -> tuple[int, list[Link], list[int]]:
    """Blocks of three operations, each with a weight, and an addition; count, links, the main chain."""
    links: list[Link] = []
    main, count = [0], 1
    for _ in range(blocks):
        entry = main[-1]
        for _ in range(3):
            links += [(main[-1], count), (count + 1, count)]
            main.append(count)
            count += 2
        links += [(entry, count), (main[-1], count)]
        main.append(count)
        count += 1
    return count, links, main


@given(graphs(), st.sampled_from(["right", "down"]))
@settings(max_examples=300, deadline=None)
def test_never_overlaps_never_crashes(graph: Graph, direction: Literal["right", "down"]) -> None:
    sizes, links = graph
    layout = arrange(sizes, links, direction=direction)
    assert not overlaps(layout, sizes)
    assert len(layout.routes) == len(links)
    assert all(len(route) >= 4 and len(route) % 3 == 1 for route in layout.routes)
    assert layout.origin == (0.0, 0.0)
    for left, top, right, bottom in boxes(layout, sizes):
        assert left >= -1e-6
        assert top >= -1e-6
        assert right <= layout.size[0] + 1e-6
        assert bottom <= layout.size[1] + 1e-6


@given(graphs(), st.sampled_from(["right", "down"]))
@settings(max_examples=300, deadline=None)
def test_no_edge_runs_through_a_card_or_out_of_the_picture(graph: Graph, direction: Literal["right", "down"]) -> None:
    sizes, links = graph
    layout = arrange(sizes, links, direction=direction)
    assert not pierced(layout, sizes)
    for route in layout.routes:
        points = along(route)
        assert (points >= -1e-6).all()
        assert (points <= np.array(layout.size) + 1e-6).all()


@given(graphs(), st.sampled_from(["right", "down"]))
@settings(max_examples=100, deadline=None)
def test_edges_leave_and_enter_on_their_sides_at_their_own_ports(
    graph: Graph, direction: Literal["right", "down"]
) -> None:
    sizes, links = graph
    layout = arrange(sizes, links, direction=direction)
    rects = boxes(layout, sizes)
    axis = direction == "down"
    ends = set()
    for (a, b), route in zip(links, layout.routes, strict=True):
        assert route[0][axis] == pytest.approx(rects[a][2 + axis])
        assert route[-1][axis] == pytest.approx(rects[b][axis])
        assert rects[a][1 - axis] < route[0][1 - axis] < rects[a][3 - axis]
        assert rects[b][1 - axis] < route[-1][1 - axis] < rects[b][3 - axis]
        ends |= {(a, "out", route[0]), (b, "in", route[-1])}
    assert len(ends) == 2 * len(links)


@given(graphs())
@settings(max_examples=50, deadline=None)
def test_is_the_same_every_time(graph: Graph) -> None:
    assert arrange(*graph) == arrange(*graph)


@given(graphs())
@settings(max_examples=50, deadline=None)
def test_down_is_right_with_the_axes_exchanged(graph: Graph) -> None:
    sizes, links = graph
    layout = arrange([(h, w) for w, h in sizes], links, direction="down")
    right = arrange(sizes, links)
    assert layout.corners == tuple((y, x) for x, y in right.corners)
    assert layout.routes == tuple(tuple((y, x) for x, y in route) for route in right.routes)


def test_forward_reads_left_to_right() -> None:
    links = [(0, 1), (1, 3), (2, 3), (0, 3)]
    layout = arrange([CARD] * 4, links)
    for (a, b), route in zip(links, layout.routes, strict=True):
        assert layout.corners[a][0] + 100 < layout.corners[b][0]
        assert route[0][0] == layout.corners[a][0] + 100
        assert route[-1][0] == layout.corners[b][0]


def test_the_main_chain_is_straight_and_level() -> None:
    count, links, main = residual(8)
    layout = arrange([(80.0 + 20 * (card % 4), 60.0 + 30 * (card % 2)) for card in range(count)], links)
    middles = {layout.corners[card][1] + (60 + 30 * (card % 2)) / 2 for card in main}
    assert max(middles) - min(middles) < 1e-6
    steps = set(pairwise(main))
    for link, route in zip(links, layout.routes, strict=True):
        if link in steps:
            assert {y for _, y in route} == {route[0][1]}


def test_a_skipping_edge_has_a_level_lane_close_to_the_chain() -> None:
    links = [*chain(6), (0, 5)]
    layout = arrange([CARD] * 6, links, between=28)
    assert len({y for _, y in layout.corners}) == 1
    lane = {y for x, y in layout.routes[-1] if layout.corners[1][0] <= x <= layout.corners[4][0] + 100}
    assert len(lane) == 1
    top = layout.corners[0][1]
    away = min(abs(lane.copy().pop() - top), abs(lane.pop() - top - 60))
    assert 14 < away < 28


def test_leaves_stand_beside_their_consumer() -> None:
    count, links, main = residual(4)
    layout = arrange([CARD] * count, links)
    for a, b in links:
        if a not in main:
            assert layout.corners[b][0] - layout.corners[a][0] == pytest.approx(100 + 72)


def test_a_side_result_stands_where_it_branches_off() -> None:
    # 1 → 10 → 11 ends early and needs a constant, 12.
    links = [*chain(10), (1, 10), (10, 11), (12, 11)]
    layout = arrange([CARD] * 13, links)
    x = [corner[0] for corner in layout.corners]
    assert x[10] == x[2]
    assert x[11] == x[3]
    assert x[12] == x[2]


def test_a_tree_and_the_first_lesson_have_no_crossings() -> None:
    tree = [(card, (card - 1) // 2) for card in range(1, 127)]
    # Q = 3a³ − b², then 9a² == a.grad and −2b == b.grad.
    lesson = [(0, 2), (2, 3), (3, 5), (1, 4), (4, 5), (0, 6), (6, 7), (7, 9), (8, 9), (1, 10), (10, 12), (11, 12)]
    for links in tree, lesson:
        layout = arrange([CARD] * (1 + max(map(max, links))), links)
        assert crossings(layout, links) == 0


def crossings(layout: Layout, links: list[Link]) -> int:
    """Pairs of edges that cross, seen from their heights on one upright line after the other."""
    total = 0
    lines = [along(route) for route in layout.routes]
    for number, a in enumerate(lines):
        for other, b in enumerate(lines[:number]):
            if set(links[number]) & set(links[other]):
                continue
            low, high = max(a[0][0], b[0][0]), min(a[-1][0], b[-1][0])
            if low < high:
                x = np.linspace(low, high, 50)
                gap = np.interp(x, a[:, 0], a[:, 1]) - np.interp(x, b[:, 0], b[:, 1])
                total += int(gap.min() < -1e-6 and gap.max() > 1e-6)
    return total


def test_parallel_edges_are_apart_all_the_way() -> None:
    links = [*chain(4), (0, 3), (0, 3), (1, 2)]
    layout = arrange([(100, 100)] * 4, links)
    for one, other in ((3, 4), (1, 5)):
        a, b = along(layout.routes[one]), along(layout.routes[other])
        apart = np.hypot(a[:, None, 0] - b[None, :, 0], a[:, None, 1] - b[None, :, 1]).min()
        assert apart > 3


def test_a_self_loop_is_a_loop() -> None:
    layout = arrange([CARD], [(0, 0)])
    x, y = along(layout.routes[0]).T
    assert x.max() > layout.corners[0][0] + 100
    assert x.min() < layout.corners[0][0]
    assert y.min() < layout.corners[0][1] or y.max() > layout.corners[0][1] + 60


def test_small_parts_are_below_and_do_not_widen_the_picture() -> None:
    small = [(card, card + 1) for card in range(10, 50, 2)]
    alone = arrange([CARD] * 10, chain(10))
    layout = arrange([CARD] * 52, chain(10) + small)
    assert layout.size[0] == alone.size[0]
    assert layout.corners[:10] == alone.corners
    assert all(y > 60 for _, y in layout.corners[10:])
    assert layout.size[1] < 60 + 8 * 120


def test_many_equal_parts_are_side_by_side() -> None:
    layout = arrange([CARD] * 60, [(card, card + 1) for card in range(0, 60, 2)])
    assert 1 < layout.size[0] / layout.size[1] < 3


def test_parts_stand_in_the_order_of_their_first_cards() -> None:
    """Two cards, then five, then three, one below the other; then two and two more side by side."""
    links = [(0, 1), *((card, card + 1) for card in range(2, 6)), (7, 8), (8, 9), (10, 11), (12, 13)]
    layout = arrange([CARD] * 14, links)
    firsts = [layout.corners[card] for card in (0, 2, 7, 10, 12)]
    assert firsts == sorted(firsts, key=lambda corner: (corner[1], corner[0]))
    assert firsts[3][1] == firsts[2][1] or firsts[4][1] == firsts[3][1]
    bottoms = [y + CARD[1] for _, y in firsts]
    below = [y - bottom for (_, y), bottom in zip(firsts[1:], bottoms, strict=False) if y > bottom]
    assert below
    assert max(below) <= 2 * 28


def test_a_gap_is_as_wide_as_its_labels() -> None:
    links = [(0, 1), (1, 2), (0, 2)]
    layout = arrange([CARD] * 3, links, gap=50, labels=[30, 90, 500])
    assert [x for x, _ in layout.corners] == [0, 150, 340]


def moved(layout: Layout, dx: float = 0, dy: float = 0) -> dict[int, Point]:
    return {card: (x + dx, y + dy) for card, (x, y) in enumerate(layout.corners)}


def assert_stays(layout: Layout, previous: dict[int, Point]) -> None:
    for card, corner in previous.items():
        assert layout.corners[card] == pytest.approx(corner, abs=1e-6)


@given(graphs(), st.floats(-500, 500), st.floats(-500, 500), st.sampled_from(["right", "down"]))
@settings(max_examples=150, deadline=None)
def test_an_unchanged_graph_stays_where_it_was(
    graph: Graph, dx: float, dy: float, direction: Literal["right", "down"]
) -> None:
    sizes, links = graph
    previous = moved(arrange(sizes, links, direction=direction), dx, dy)
    layout = arrange(sizes, links, direction=direction, previous=previous)
    assert_stays(layout, previous)
    for left, top, _, _ in boxes(layout, sizes):
        assert left >= layout.origin[0] - 1e-6
        assert top >= layout.origin[1] - 1e-6


def test_a_turn_more_leaves_the_others_where_they_were() -> None:
    count, links, _ = residual(5)
    more, more_links, _ = residual(6)
    previous = moved(arrange([CARD] * count, links))
    layout = arrange([CARD] * more, more_links, previous=previous)
    assert_stays(layout, previous)
    assert not overlaps(layout, [CARD] * more)


def test_a_card_that_brings_crossings_leaves_the_order_of_the_others() -> None:
    tree = [(card, (card - 1) // 2) for card in range(1, 31)]
    previous = moved(arrange([CARD] * 31, tree))
    tangled = [*tree, (31, 3), (31, 6), (31, 4), (31, 5)]
    layout = arrange([CARD] * 32, tangled, previous=previous)
    for x in {x for x, _ in previous.values()}:
        before = sorted((card for card in previous if previous[card][0] == x), key=lambda card: previous[card][1])
        after = sorted(before, key=lambda card: layout.corners[card][1])
        assert before == after


def test_a_card_in_the_middle_pushes_only_what_comes_after() -> None:
    previous = moved(arrange([CARD] * 6, chain(6)))
    links = [(0, 1), (1, 2), (2, 6), (6, 3), (3, 4), (4, 5)]
    layout = arrange([CARD] * 7, links, previous=previous)
    assert_stays(layout, {card: previous[card] for card in range(3)})
    assert {y for _, y in layout.corners} == {0.0}


def test_a_narrower_card_moves_nothing_else() -> None:
    previous = moved(arrange([CARD] * 5, chain(5)))
    layout = arrange([CARD, CARD, (80.0, 60.0), CARD, CARD], chain(5), previous=previous)
    del previous[2]
    assert_stays(layout, previous)


def test_an_earlier_order_is_kept_where_no_edge_crosses_for_it() -> None:
    links = [(card, 4) for card in range(4)]
    previous = {card: (0.0, 300.0 - 100 * card) for card in range(4)}
    layout = arrange([CARD] * 5, links, previous=previous)
    assert_stays(layout, previous)


@given(graphs(9), graphs(9))
@settings(max_examples=200, deadline=None)
def test_any_change_leaves_a_sound_picture(old: Graph, new: Graph) -> None:
    sizes, links = new
    previous = {card: corner for card, corner in moved(arrange(*old)).items() if card < len(sizes)}
    layout = arrange(sizes, links, previous=previous)
    assert not overlaps(layout, sizes)
    assert not pierced(layout, sizes)


def test_it_can_be_cancelled_and_tells_how_far_it_is() -> None:
    count, links, _ = residual(30)
    told: list[float] = []
    asked = 0

    def cancelled() -> bool:
        nonlocal asked
        asked += 1
        return asked > 3

    arrange([CARD] * count, links, progress=told.append)
    assert told == sorted(told)
    assert told[0] == 0
    assert told[-1] == 1
    with pytest.raises(Cancelled):
        arrange([CARD] * count, links, cancelled=cancelled)
    assert asked == 4


def test_a_loop_with_one_weight_of_three_thousand_turns() -> None:
    turns = 3000
    links = chain(turns, 1) + [(0, number) for number in range(1, turns)]
    began = time.process_time()
    layout = arrange([(100.0, 100.0)] * (turns + 1), links)
    assert time.process_time() - began < 5
    assert len(layout.routes) == len(links)
    # Most of these edges are too long for lanes of their own; they run below everything.
    below = max(y for _, y in layout.corners) + 100
    last = along(layout.routes[-1])
    assert below < last[:, 1].max() <= layout.size[1]


def test_a_large_graph_is_quick() -> None:
    count, links, _ = residual(1250)
    began = time.process_time()
    arrange([CARD] * count, links)
    assert time.process_time() - began < 3


def test_level_edges_meet_cards_at_their_axes() -> None:
    sizes = [CARD, (300.0, 400.0), CARD]
    layout = arrange(sizes, chain(3), axes=[30, 80, 30])
    assert {y for route in layout.routes for _, y in route} == {layout.level}
    assert layout.level == layout.corners[1][1] + 80
    assert [y for _, y in layout.corners] == [50, 0, 50]


@given(graphs(), st.floats(0.1, 0.9))
@settings(max_examples=100, deadline=None)
def test_no_overlap_wherever_the_axes_are(graph: Graph, share: float) -> None:
    sizes, links = graph
    layout = arrange(sizes, links, axes=[height * share for _, height in sizes])
    assert not overlaps(layout, sizes)
    assert not pierced(layout, sizes)


@given(graphs(), st.sampled_from(["right", "down"]))
@settings(max_examples=150, deadline=None)
def test_nothing_stands_between_the_first_cards_and_the_side_or_the_last_and_the_other(
    graph: Graph, direction: Literal["right", "down"]
) -> None:
    sizes, links = graph
    first = frozenset(range(len(sizes))) - {b for _, b in links}
    last = frozenset(range(len(sizes))) - {a for a, _ in links} - first
    layout = arrange(sizes, links, first=first, last=last, direction=direction)
    assert not overlaps(layout, sizes)
    assert not pierced(layout, sizes)
    along = 1 if direction == "down" else 0
    rects = boxes(layout, sizes)
    for card in first | last:
        for rect in (rect for number, rect in enumerate(rects) if number != card):
            beside = rect[1 - along] < rects[card][3 - along] and rects[card][1 - along] < rect[3 - along]
            before = rect[along] < rects[card][along] if card in first else rect[along] > rects[card][along]
            assert not (beside and before)


@given(graphs(), st.data())
@settings(max_examples=100, deadline=None)
def test_edges_meet_cards_where_they_are_told_to(graph: Graph, data: st.DataObject) -> None:
    sizes, links = graph
    share = st.none() | st.floats(-0.4, 0.4)
    shares = [(data.draw(share), data.draw(share)) for _ in links]
    meets = [
        [None if part is None else part * sizes[card][1] for part, card in zip(parts, link, strict=True)]
        for parts, link in zip(shares, links, strict=True)
    ]
    layout = arrange(sizes, links, meets=meets)
    assert not pierced(layout, sizes)
    for link, route, told in zip(links, layout.routes, meets, strict=True):
        for card, (_, y), away in zip(link, (route[0], route[-1]), told, strict=True):
            assert away is None or y == pytest.approx(layout.corners[card][1] + sizes[card][1] / 2 + away)


def test_of_equal_inputs_the_first_is_on_the_main_line() -> None:
    # linear(z, weight, bias), then an activation
    layout = arrange([CARD] * 5, [(2, 3), (0, 3), (1, 3), (3, 4)])
    assert layout.corners[2][1] == layout.corners[3][1] == layout.corners[4][1]


def test_many_inputs_stand_to_both_sides() -> None:
    layout = arrange([CARD] * 501, [(card, 500) for card in range(500)])
    assert layout.corners[500][1] == pytest.approx(layout.size[1] / 2, rel=0.01)
