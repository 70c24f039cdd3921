"""Cards with sizes and the edges between them → positions and routes, in layers; pure geometry.

Each module does one step:

    packing    which cards hang together; where each such part goes
    part       one such part, by the three steps that follow
    layering   a column for every card, and bends where a long edge passes a column
    ordering   the order in every column, with few crossings
    placing    heights and columns in pixels: the longest path level, the rest close to it
    routing    curves through the free room

Everything is thought of as running from left to right; for the other direction, both axes are exchanged.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from core.layout.base import Cancelled, Direction, Layout, Link, Point, Size, Watch
from core.layout.packing import packed, parts_of
from core.layout.part import Part, ground_of
from core.layout.routing import routes_of

__all__ = ["Cancelled", "Direction", "Layout", "Link", "Point", "Size", "arrange"]


def arrange(
    sizes: Sequence[Size],
    links: Sequence[Link],
    *,
    gap: float = 72.0,
    between: float = 28.0,
    ports: Sequence[float] | None = None,
    axes: Sequence[float] | None = None,
    meets: Sequence[Sequence[float | None]] | None = None,
    labels: Sequence[float] | None = None,
    weights: Sequence[int] | None = None,
    direction: Direction = "right",
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
        axes: how far below its top level edges meet every card (right of its left side, where the direction is down);
            half its height by default.
        meets: how far below their axes each edge meets its source and its target, where that is given; None where the
            layout chooses, as it does by default.
        labels: room that each edge needs between its two columns; such a gap is as wide as its widest, where that is
            more than ``gap``. An edge that passes columns has room there, and asks for none.
        weights: how much every card counts where disconnected parts are compared; 1 by default.
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
    axes = [height / 2 for _, height in sizes] if axes is None else axes
    ports = [height for _, height in sizes] if ports is None else ports
    groups = parts_of(len(sizes), links, weights)
    own: list[list[int]] = [[] for _ in groups]
    group_of = {card: number for number, group in enumerate(groups) for card in group}
    for number, (card, _) in enumerate(links):
        own[group_of[card]].append(number)
    parts, grounds = [], []
    for cards, numbers in zip(groups, own, strict=True):
        local = {card: number for number, card in enumerate(cards)}
        part = Part(
            sizes=[sizes[card] for card in cards],
            axes=[axes[card] for card in cards],
            ports=[ports[card] for card in cards],
            links=[(local[links[number][0]], local[links[number][1]]) for number in numbers],
            meets=[meets[number] if meets else (None, None) for number in numbers],
            labels=[labels[number] if labels else 0.0 for number in numbers],
            previous={local[card]: previous[card] for card in cards if card in previous} if previous else {},
        )
        watch.share = len(cards) / len(sizes)
        parts.append(part)
        grounds.append(ground_of(part, gap, between, watch))
        watch.done += watch.share
    earlier = {number: grounds[number].corner for number, part in enumerate(parts) if part.previous}
    # The heaviest part gives the level; they stand in the order of their first cards.
    order = sorted(range(len(groups)), key=lambda number: groups[number][0])
    places = packed([ground.size for ground in grounds], between, earlier, order)
    corners: list[Point] = [(0.0, 0.0)] * len(sizes)
    routes: list[tuple[Point, ...]] = [()] * len(links)
    grounds = [ground.moved_to(place) for ground, place in zip(grounds, places, strict=True)]
    for cards, numbers, part, ground in zip(groups, own, parts, grounds, strict=True):
        for card, corner in zip(cards, ground.corners, strict=True):
            corners[card] = corner
        for number, route in zip(numbers, routes_of(part, ground), strict=True):
            routes[number] = route
    left = min((ground.corner[0] for ground in grounds), default=0.0)
    top = min((ground.corner[1] for ground in grounds), default=0.0)
    right = max((ground.corner[0] + ground.size[0] for ground in grounds), default=0.0)
    bottom = max((ground.corner[1] + ground.size[1] for ground in grounds), default=0.0)
    level = grounds[0].level if grounds else 0.0
    result = Layout(tuple(corners), tuple(routes), (right - left, bottom - top), level, (left, top))
    watch.done, watch.share = 1.0, 0.0
    watch(1.0)
    return _exchanged(result) if down else result


def _exchanged(layout: Layout) -> Layout:
    """With x and y exchanged: columns become rows."""
    corners = tuple((y, x) for x, y in layout.corners)
    routes = tuple(tuple((y, x) for x, y in route) for route in layout.routes)
    return Layout(corners, routes, layout.size[::-1], layout.level, layout.origin[::-1])
