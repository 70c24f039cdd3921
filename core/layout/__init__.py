"""Cards with sizes and the edges between them → positions and routes, in layers; pure geometry.

Each module does one step:

    packing    which cards hang together; where each such part goes
    layering   a column for every card, and bends where a long edge passes a column
    ordering   the order in every column, with few crossings
    placing    heights and columns in pixels: the longest path level, the rest close to it
    routing    curves through the free room

Everything is thought of as running from left to right; for the other direction, both axes are exchanged.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from statistics import median
from typing import Literal

from core.layout.base import Cancelled, Layout, Link, Point, Size, Watch
from core.layout.layering import layers_of
from core.layout.ordering import ordered
from core.layout.packing import packed, parts_of
from core.layout.placing import columns_at, heights_of
from core.layout.routing import TRACK, Ground, routes_of

__all__ = ["Cancelled", "Layout", "Link", "Point", "Size", "arrange"]

BEND = 16.0
"""Height kept free for an edge that runs past a card."""


def arrange(
    sizes: Sequence[Size],
    links: Sequence[Link],
    *,
    gap: float = 72.0,
    between: float = 28.0,
    ports: Sequence[float] | None = None,
    labels: Sequence[float] | None = None,
    direction: Literal["right", "down"] = "right",
    previous: Mapping[int, Point] | None = None,
    cancelled: Callable[[], bool] | None = None,
    progress: Callable[[float], None] | None = None,
) -> Layout:
    """Lays out any graph, cyclic, disconnected or empty; the same graph always comes out the same.

    Args:
        sizes: width and height of every card.
        links: (source, target) per edge; parallel edges and self loops are allowed.
        gap: room between two columns. between: room between two cards of a column.
        ports: height of the middle part of every card where edges may end (its width, where the direction is down);
            all of it by default.
        labels: room that each edge needs between its two columns; such a gap is as wide as its widest, where that is
            more than ``gap``. An edge that passes columns has room there, and asks for none.
        direction: where the edges lead.
        previous: corners of cards in an earlier layout. What did not change stays there, so corners may be negative:
            see ``Layout.origin``.
        cancelled: asked often. progress: told the share that is done, up to 1.

    Raises:
        Cancelled: soon after ``cancelled`` says so.
    """
    watch = Watch(cancelled, progress)
    watch(0.0)
    down = direction == "down"
    if down:
        sizes = [(height, width) for width, height in sizes]
        previous = {card: (y, x) for card, (x, y) in previous.items()} if previous else None
    reach = [height for _, height in sizes] if ports is None else ports
    groups = parts_of(len(sizes), links)
    part_of = {card: number for number, group in enumerate(groups) for card in group}
    numbers: list[list[int]] = [[] for _ in groups]
    for number, (a, _) in enumerate(links):
        numbers[part_of[a]].append(number)
    parts = []
    for group, own in zip(groups, numbers, strict=True):
        watch.share = len(group) / len(sizes)
        parts.append(_Part(group, own, sizes, links, gap, between, labels, previous, watch))
        watch.done += watch.share
    earlier = {number: part.corner for number, part in enumerate(parts) if part.kept}
    places = packed([part.size for part in parts], between, earlier)
    corners: list[Point] = [(0.0, 0.0)] * len(sizes)
    routes: list[tuple[Point, ...]] = [()] * len(links)
    for part, (left, top) in zip(parts, places, strict=True):
        ground = part.ground_at(left - part.corner[0], top - part.corner[1])
        for card, corner in ground.corners.items():
            corners[card] = corner
        own_routes = routes_of(ground, [links[number] for number in part.links], sizes, reach)
        for number, route in zip(part.links, own_routes, strict=True):
            routes[number] = route
    left, top = (min(side, default=0.0) for side in zip(*places, strict=True)) if places else (0.0, 0.0)
    right = max((x + part.size[0] for part, (x, _) in zip(parts, places, strict=True)), default=0.0)
    bottom = max((y + part.size[1] for part, (_, y) in zip(parts, places, strict=True)), default=0.0)
    result = Layout(tuple(corners), tuple(routes), (right - left, bottom - top), (left, top))
    watch.done, watch.share = 1.0, 0.0
    watch(1.0)
    return _exchanged(result) if down else result


class _Part:
    """Cards that hang together, laid out by themselves.

    Attributes:
        links: numbers of its edges.
        corner, size: of all that it covers.
        kept: whether it stands where its cards stood before.
    """

    def __init__(
        self,
        cards: list[int],
        numbers: list[int],
        sizes: Sequence[Size],
        links: Sequence[Link],
        gap: float,
        between: float,
        labels: Sequence[float] | None,
        previous: Mapping[int, Point] | None,
        watch: Watch,
    ) -> None:
        self.links = numbers
        self._cards = cards
        self._sizes = sizes
        self._gap = gap
        local = {card: number for number, card in enumerate(cards)}
        own = [(local[links[number][0]], local[links[number][1]]) for number in numbers]
        layers = layers_of(len(cards), own)
        watch(0.1)
        old = {local[card]: corner for card, corner in previous.items() if card in local} if previous else {}
        middles = {card: y + sizes[cards[card]][1] / 2 for card, (_, y) in old.items()}
        columns = ordered(layers, watch, middles)
        alike = Counter(own)
        tall = [sizes[card][1] for card in cards] + [BEND] * (len(layers.column) - len(cards))
        for link, lane in layers.lanes.items():
            for bend in lane:
                tall[bend] = BEND + (alike[link] - 1) * TRACK
        heights = heights_of(layers, columns, tall, between, watch, middles)
        self.kept = bool(old)
        widths = [max(sizes[cards[item]][0] for item in column if item < len(cards)) for column in columns]
        gaps = [gap] * len(columns)
        if labels is not None:
            for number, (a, b) in zip(numbers, own, strict=True):
                if layers.column[b] == layers.column[a] + 1:
                    gaps[layers.column[a]] = max(gaps[layers.column[a]], labels[number])
        stood: dict[int, list[float]] = {}
        for card, (x, _) in old.items():
            stood.setdefault(layers.column[card], []).append(x + sizes[cards[card]][0] / 2)
        lefts = columns_at(widths, gaps, {column: median(found) for column, found in stood.items()})
        self._column = {card: layers.column[number] for number, card in enumerate(cards)}
        self._lefts, self._rights = lefts, [left + width for left, width in zip(lefts, widths, strict=True)]
        self._heights = heights
        self._lanes = {
            (cards[a], cards[b]): (layers.column[lane[0]], [heights[bend] for bend in lane])
            for (a, b), lane in layers.lanes.items()
        }
        top = min(y - size / 2 for y, size in zip(heights, tall, strict=True))
        bottom = max(y + size / 2 for y, size in zip(heights, tall, strict=True))
        self._floor = bottom + between + BEND / 2
        if layers.below:
            bottom = self._floor + BEND / 2 + TRACK * max(alike[link] for link in layers.below) / 2
        # Edges that turn round need room beside the outermost columns.
        aside = gap / 2 if any(layers.column[a] >= layers.column[b] for a, b in own) else 0.0
        self.corner = (lefts[0] - aside, top)
        self.size = (self._rights[-1] - lefts[0] + 2 * aside, bottom - top)

    def ground_at(self, dx: float, dy: float) -> Ground:
        """All of it, moved."""
        corners = {}
        lefts, rights = [x + dx for x in self._lefts], [x + dx for x in self._rights]
        for number, card in enumerate(self._cards):
            width, height = self._sizes[card]
            column = self._column[card]
            middle = (lefts[column] + rights[column]) / 2
            corners[card] = (middle - width / 2, self._heights[number] + dy - height / 2)
        lanes = {link: (first, [y + dy for y in lane]) for link, (first, lane) in self._lanes.items()}
        return Ground(corners, self._column, lefts, rights, lanes, self._floor + dy, self._gap)


def _exchanged(layout: Layout) -> Layout:
    """With x and y exchanged: columns become rows."""
    corners = tuple((y, x) for x, y in layout.corners)
    routes = tuple(tuple((y, x) for x, y in route) for route in layout.routes)
    return Layout(corners, routes, layout.size[::-1], layout.origin[::-1])
