"""One connected part of the graph → where its cards and lanes stand."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median

from core.layout.base import Link, Point, Size, Watch
from core.layout.layering import Layers, layers_of
from core.layout.ordering import ordered
from core.layout.placing import columns_at, heights_of

BEND = 16.0
"""Height kept free for an edge that runs past a card."""
TRACK = 12.0
"""From one parallel edge to the next."""


@dataclass(frozen=True)
class Part:
    """Cards that hang together, numbered from 0, and all the edges between them.

    Attributes:
        sizes, axes, ports: of every card, as ``arrange`` takes them.
        links, meets, labels: of every edge.
        previous: corners of cards in an earlier layout.
    """

    sizes: Sequence[Size]
    axes: Sequence[float]
    ports: Sequence[float]
    links: Sequence[Link]
    meets: Sequence[Sequence[float | None]]
    labels: Sequence[float]
    previous: Mapping[int, Point]


@dataclass(frozen=True)
class Ground:
    """Where a part stands.

    Attributes:
        corners: of its cards. axes: heights at which level edges meet them.
        column: of its cards. lefts, rights: sides of every column; no card reaches over them.
        lanes: per edge, the first column that it passes, and the heights at which it passes this and the next ones.
        floor: a height below everything, for edges without a lane.
        level: height of the longest path.
        gap: room free beside every column.
        corner, size: of all that it covers.
    """

    corners: Sequence[Point]
    axes: Sequence[float]
    column: Sequence[int]
    lefts: Sequence[float]
    rights: Sequence[float]
    lanes: Mapping[Link, tuple[int, Sequence[float]]]
    floor: float
    level: float
    gap: float
    corner: Point
    size: Size

    def moved_to(self, corner: Point) -> Ground:
        """The same elsewhere."""
        dx, dy = corner[0] - self.corner[0], corner[1] - self.corner[1]
        return replace(
            self,
            corners=[(x + dx, y + dy) for x, y in self.corners],
            axes=[y + dy for y in self.axes],
            lefts=[x + dx for x in self.lefts],
            rights=[x + dx for x in self.rights],
            lanes={link: (first, [y + dy for y in lane]) for link, (first, lane) in self.lanes.items()},
            floor=self.floor + dy,
            level=self.level + dy,
            corner=corner,
        )


def ground_of(part: Part, gap: float, between: float, watch: Watch) -> Ground:
    """Layers, orders and places the cards."""
    cards = range(len(part.sizes))
    layers = layers_of(len(cards), part.links)
    watch(0.1)
    stood = {card: y + part.axes[card] for card, (_, y) in part.previous.items()}
    columns = ordered(layers, watch, stood)
    reach = _reach(part, layers)
    y, level = heights_of(layers, columns, reach, between, watch, stood)
    lefts, rights = _columns(part, layers, columns, gap)
    corners = []
    for card in cards:
        middle = (lefts[layers.column[card]] + rights[layers.column[card]]) / 2
        corners.append((middle - part.sizes[card][0] / 2, y[card] - part.axes[card]))
    top = min(y[item] - above for item, (above, _) in enumerate(reach))
    bottom = max(y[item] + below for item, (_, below) in enumerate(reach))
    floor = bottom + between + BEND / 2
    if layers.below:
        bottom = floor + _half(max(Counter(part.links)[link] for link in layers.below))
    # Edges that turn round need room beside the outermost columns.
    turning = any(layers.column[a] >= layers.column[b] for a, b in part.links)
    aside = gap / 2 if turning else 0.0
    return Ground(
        corners=corners,
        axes=y[: len(cards)],
        column=layers.column[: len(cards)],
        lefts=lefts,
        rights=rights,
        lanes={link: (layers.column[lane[0]], [y[bend] for bend in lane]) for link, lane in layers.lanes.items()},
        floor=floor,
        level=level,
        gap=gap,
        corner=(lefts[0] - aside, top),
        size=(rights[-1] - lefts[0] + 2 * aside, bottom - top),
    )


def _reach(part: Part, layers: Layers) -> list[tuple[float, float]]:
    """How far every item reaches above and below its axis; bends have room for all parallel edges."""
    reach = [(axis, height - axis) for axis, (_, height) in zip(part.axes, part.sizes, strict=True)]
    reach += [(0.0, 0.0)] * (len(layers.column) - len(reach))
    alike = Counter(part.links)
    for link, lane in layers.lanes.items():
        for bend in lane:
            reach[bend] = (_half(alike[link]), _half(alike[link]))
    return reach


def _half(tracks: int) -> float:
    return (BEND + (tracks - 1) * TRACK) / 2


def _columns(part: Part, layers: Layers, columns: list[list[int]], gap: float) -> tuple[list[float], list[float]]:
    """Left and right sides of the columns, with room for cards and labels."""
    widths = [max(part.sizes[item][0] for item in column if item < layers.cards) for column in columns]
    gaps = [gap] * len(columns)
    for (a, b), label in zip(part.links, part.labels, strict=True):
        if layers.column[b] == layers.column[a] + 1:
            gaps[layers.column[a]] = max(gaps[layers.column[a]], label)
    middles: dict[int, list[float]] = defaultdict(list)
    for card, (x, _) in part.previous.items():
        middles[layers.column[card]].append(x + part.sizes[card][0] / 2)
    lefts = columns_at(widths, gaps, {column: median(found) for column, found in middles.items()})
    return lefts, [left + width for left, width in zip(lefts, widths, strict=True)]
