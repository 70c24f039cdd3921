"""Layout: no overlaps, no crash, whatever the graph."""

from __future__ import annotations

import time

from hypothesis import given, settings
from hypothesis import strategies as st

from core.layout import Layout, Link, Size, arrange


@st.composite
def graphs(draw: st.DrawFn) -> tuple[list[Size], list[Link]]:
    count = draw(st.integers(0, 14))
    side = st.floats(1, 300)
    sizes = draw(st.lists(st.tuples(side, side), min_size=count, max_size=count))
    card = st.integers(0, max(0, count - 1))
    links = draw(st.lists(st.tuples(card, card), max_size=30 if count else 0))
    return sizes, links


def overlaps(layout: Layout, sizes: list[Size]) -> list[tuple[int, int]]:
    boxes = [(x, y, x + w, y + h) for (x, y), (w, h) in zip(layout.corners, sizes, strict=True)]
    return [
        (i, j)
        for i, a in enumerate(boxes)
        for j, b in enumerate(boxes[:i])
        if a[0] < b[2] - 1e-6 and b[0] < a[2] - 1e-6 and a[1] < b[3] - 1e-6 and b[1] < a[3] - 1e-6
    ]


@given(graphs())
@settings(max_examples=300, deadline=None)
def test_never_overlaps_never_crashes(graph: tuple[list[Size], list[Link]]) -> None:
    sizes, links = graph
    layout = arrange(sizes, links)
    assert not overlaps(layout, sizes)
    assert len(layout.routes) == len(links)
    assert all(len(route) >= 4 and len(route) % 3 == 1 for route in layout.routes)
    for (x, y), (w, h) in zip(layout.corners, sizes, strict=True):
        assert x >= -1e-6
        assert y >= -1e-6
        assert x + w <= layout.size[0] + 1e-6
        assert y + h <= layout.size[1] + 1e-6


@given(graphs())
@settings(max_examples=50, deadline=None)
def test_is_the_same_every_time(graph: tuple[list[Size], list[Link]]) -> None:
    assert arrange(*graph) == arrange(*graph)


def test_forward_reads_left_to_right() -> None:
    links = [(0, 1), (1, 3), (2, 3), (0, 3)]
    layout = arrange([(100, 60)] * 4, links)
    for (a, b), route in zip(links, layout.routes, strict=True):
        assert layout.corners[a][0] + 100 < layout.corners[b][0]
        assert route[0][0] == layout.corners[a][0] + 100
        assert route[-1][0] == layout.corners[b][0]


def test_parallel_edges_have_their_own_ports() -> None:
    layout = arrange([(100, 100)] * 2, [(0, 1), (0, 1)])
    assert layout.routes[0][0] != layout.routes[1][0]
    assert layout.routes[0][-1] != layout.routes[1][-1]


def test_long_edge_passes_beside_the_cards() -> None:
    layout = arrange([(100, 100)] * 3, [(0, 1), (1, 2), (0, 2)])
    top, bottom = layout.corners[1][1], layout.corners[1][1] + 100
    past = [y for x, y in layout.routes[2] if layout.corners[1][0] <= x <= layout.corners[1][0] + 100]
    assert past
    assert all(y < top or y > bottom for y in past)


def test_a_loop_with_one_weight_of_three_thousand_turns() -> None:
    turns = 3000
    links = [(number, number + 1) for number in range(1, turns)] + [(0, number) for number in range(1, turns)]
    began = time.perf_counter()
    layout = arrange([(100.0, 100.0)] * (turns + 1), links)
    assert len(layout.routes) == len(links)
    assert time.perf_counter() - began < 10
