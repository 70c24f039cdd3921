"""Disconnected parts, each with its size → where each goes: in rows, in the order given, or where it was before."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from math import sqrt

from core.layout.base import Link, Point, Size

WIDE = 1.6
"""Width by height of many small parts together."""
ROOM = 2.0
"""Room between two parts, as a multiple of that between two cards."""


def parts_of(count: int, links: Sequence[Link], weights: Sequence[int] | None = None) -> list[list[int]]:
    """Connected parts, the heaviest first."""
    parent = list(range(count))

    def find(card: int) -> int:
        while parent[card] != card:
            parent[card] = parent[parent[card]]
            card = parent[card]
        return card

    for a, b in links:
        ra, rb = find(a), find(b)
        if ra != rb:
            parent[max(ra, rb)] = min(ra, rb)
    parts: dict[int, list[int]] = defaultdict(list)
    for card in range(count):
        parts[find(card)].append(card)
    if weights is None:
        return sorted(parts.values(), key=len, reverse=True)
    return sorted(parts.values(), key=lambda part: sum(weights[card] for card in part), reverse=True)


def packed(
    sizes: Sequence[Size],
    between: float,
    previous: Mapping[int, Point] | None = None,
    order: Sequence[int] | None = None,
    alone: Collection[int] = (),
) -> list[Point]:
    """The top left corner of every part; the first part is the main one.

    Args:
        between: room between two cards.
        order: of the parts, as they are read; as they come by default.
        previous: earlier corner of some parts; they stay there unless a part before them has grown over it.
        alone: parts that share their row with no other.
    """
    room = between * ROOM
    corners: dict[int, Point] = {}
    for part in range(len(sizes)) if previous else ():
        if previous and part in previous and not _covered(previous[part], sizes[part], corners, sizes):
            corners[part] = previous[part]
    left = min((x for x, _ in corners.values()), default=0.0)
    right = max((x + sizes[part][0] for part, (x, _) in corners.items()), default=0.0)
    y = max((y + sizes[part][1] + room for part, (_, y) in corners.items()), default=0.0)
    # As wide as the widest part; wider only where the rest is more than the main part and would make a tower.
    widest = max((width for width, _ in sizes), default=0.0)
    areas = [(width + room) * (height + room) for width, height in sizes]
    tower = sum(areas) > widest**2 and sum(areas[1:]) > areas[0]
    shelf = max(widest, right - left, sqrt(sum(areas) * WIDE) if tower else 0.0)
    x, tallest, closed = left, 0.0, False
    rest = [part for part in order or range(len(sizes)) if part not in corners]
    for part in rest:
        width, height = sizes[part]
        if x > left and (x + width > left + shelf or closed or part in alone):
            x, y, tallest = left, y + tallest + room, 0.0
        corners[part] = (x, y)
        x += width + room
        tallest, closed = max(tallest, height), part in alone
    return [corners[part] for part in range(len(sizes))]


def _covered(corner: Point, size: Size, others: Mapping[int, Point], sizes: Sequence[Size]) -> bool:
    (x, y), (width, height) = corner, size
    return any(
        x < left + sizes[part][0] and left < x + width and y < top + sizes[part][1] and top < y + height
        for part, (left, top) in others.items()
    )
