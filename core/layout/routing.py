"""Places and bends → curves that leave and enter cards at their own ports and keep to the free room between cards."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from itertools import pairwise
from math import copysign, dist

from core.layout.base import Link, Point
from core.layout.part import TRACK, Ground, Part

PORT = 30.0
"""From one port to the next, where the card is high enough."""
NOTHING = 1e-6
"""Points no further apart are one."""


def routes_of(part: Part, ground: Ground) -> list[tuple[Point, ...]]:
    """One curve for each edge, in their order."""
    alike = Counter(part.links)
    leans = _leans(part, ground, alike)
    stops = _stops(part, ground, leans)
    starts, ends = _ports(part, ground, stops, leans)
    routes = []
    for number, (a, b) in enumerate(part.links):
        right = ground.corners[a][0] + part.sizes[a][0]
        points = [(right, starts[number]), (ground.rights[ground.column[a]], starts[number])]
        points += stops[number]
        points += [(ground.lefts[ground.column[b]], ends[number]), (ground.corners[b][0], ends[number])]
        routes.append(_curve(points, ground.gap, leans[number] / alike[a, b]))
    return routes


def _turned(link: Link, ground: Ground) -> bool:
    """Whether it runs against the reading direction."""
    return ground.column[link[0]] >= ground.column[link[1]]


def _leans(part: Part, ground: Ground, alike: Mapping[Link, int]) -> list[float]:
    """Places of parallel links on their way, from the upper to the lower, counted from the middle one.

    Where they turn round the inner one stays the inner one: what is above on the way is below at the ends.
    """

    def height(number: int) -> list[float]:
        sign = -1 if _turned(part.links[number], ground) else 1
        return [sign * (away or 0.0) for away in part.meets[number]]

    seen: dict[Link, int] = defaultdict(int)
    leans = [0.0] * len(part.links)
    for number in sorted(range(len(leans)), key=height):
        link = part.links[number]
        leans[number] = seen[link] - (alike[link] - 1) / 2
        seen[link] += 1
    return leans


def _stops(part: Part, ground: Ground, leans: Sequence[float]) -> list[list[Point]]:
    """Where every link enters and leaves the columns that it passes; parallel links side by side."""
    stops: list[list[Point]] = []
    for number, link in enumerate(part.links):
        a, b = link
        track = leans[number] * TRACK
        if link in ground.lanes:
            first, lane = ground.lanes[link]
            places = [(first + step, y + track) for step, y in enumerate(lane)]
        elif ground.column[b] - ground.column[a] > 1:
            places = [(ground.column[a] + 1, ground.floor + track), (ground.column[b] - 1, ground.floor + track)]
        else:
            places = []
        found = [(side, y) for column, y in places for side in (ground.lefts[column], ground.rights[column])]
        stops.append(found if ground.column[a] < ground.column[b] else found[::-1])
    return stops


def _ports(
    part: Part, ground: Ground, stops: list[list[Point]], leans: Sequence[float]
) -> tuple[dict[int, float], dict[int, float]]:
    """Heights at which every link leaves and enters: in the order of where they go, level links on the axis."""
    leaving: dict[int, list[tuple[float, int]]] = defaultdict(list)
    entering: dict[int, list[tuple[float, int]]] = defaultdict(list)
    result: tuple[dict[int, float], dict[int, float]] = ({}, {})
    for number, (a, b) in enumerate(part.links):
        start, end = part.meets[number]
        turned = 2 * leans[number] * TRACK if _turned((a, b), ground) else 0.0
        from_, to = ground.axes[a] + (start or 0.0), ground.axes[b] + (end or 0.0)
        if start is None:
            leaving[a].append((stops[number][0][1] - turned if stops[number] else to, number))
        else:
            result[0][number] = from_
        if end is None:
            entering[b].append((stops[number][-1][1] - turned if stops[number] else from_, number))
        else:
            result[1][number] = to
    for side, ports in zip((leaving, entering), result, strict=True):
        for card, towards in side.items():
            towards.sort()
            level = [place for place, (y, _) in enumerate(towards) if abs(y - ground.axes[card]) < 0.5]
            pivot = (level[0] + level[-1]) / 2 if level else (len(towards) - 1) / 2
            most = max(pivot, len(towards) - 1 - pivot)
            axis, height = part.axes[card], part.sizes[card][1]
            free = min(axis, height - axis, part.ports[card] / 2)
            spread = min(PORT, free * 0.8 / most) if most else 0.0
            for place, (_, number) in enumerate(towards):
                ports[number] = ground.axes[card] + (place - pivot) * spread
    return result


def _curve(points: list[Point], gap: float, lean: float) -> tuple[Point, ...]:
    """Level through every point; a link that turns round swings out into the gap, first to the right.

    Args:
        lean: which of some parallel links it is, -0.5 to 0.5: the upper ones rise earlier and fall later, so that none
            comes close to another.
    """
    kept = [points[0]]
    for here, following in pairwise(points[1:]):
        if dist(here, kept[-1]) > NOTHING and not kept[-1][1] == here[1] == following[1]:
            kept.append(here)
    if dist(kept[-1], points[-1]) <= NOTHING and len(kept) > 1:
        kept.pop()
    kept.append(points[-1])
    curve = [kept[0]]
    side = 1
    for (x0, y0), (x1, y1) in pairwise(kept):
        sign = copysign(1.0, y1 - y0)
        if abs(x1 - x0) > NOTHING or y0 == y1:
            middle = (x0 + x1) / 2 - sign * lean * (x1 - x0) / 2
            curve += [(middle, y0), (middle, y1), (x1, y1)]
        else:
            swing = side * gap * (0.45 + 0.3 * side * sign * lean)
            curve += [(x0 + swing, y0), (x1 + swing, y1), (x1, y1)]
            side = -side
    return tuple(curve)
