"""Places and bends → curves that leave and enter cards at their own ports and keep to the free room between cards."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from itertools import pairwise
from math import dist

from core.layout.base import Link, Point
from core.layout.part import TRACK, Ground, Part

PORT = 30.0
"""From one port to the next, where the card is high enough."""
NOTHING = 1e-6
"""Points no further apart are one."""


def routes_of(part: Part, ground: Ground) -> list[tuple[Point, ...]]:
    """One curve for each edge, in their order."""
    stops = _stops(part.links, ground)
    starts, ends = _ports(part, ground, stops)
    routes = []
    for number, (a, b) in enumerate(part.links):
        right = ground.corners[a][0] + part.sizes[a][0]
        points = [(right, starts[number]), (ground.rights[ground.column[a]], starts[number])]
        points += stops[number]
        points += [(ground.lefts[ground.column[b]], ends[number]), (ground.corners[b][0], ends[number])]
        routes.append(_curve(points, ground.gap))
    return routes


def _stops(links: Sequence[Link], ground: Ground) -> list[list[Point]]:
    """Where every link enters and leaves the columns that it passes; parallel links side by side."""
    alike = Counter(links)
    seen: dict[Link, int] = defaultdict(int)
    stops: list[list[Point]] = []
    for link in links:
        a, b = link
        track = (seen[link] - (alike[link] - 1) / 2) * TRACK
        seen[link] += 1
        if link in ground.lanes:
            first, lane = ground.lanes[link]
            places = [(first + step, y + track) for step, y in enumerate(lane)]
        elif ground.column[b] - ground.column[a] > 1:
            places = [(ground.column[a] + 1, ground.floor), (ground.column[b] - 1, ground.floor)]
        else:
            places = []
        found = [(side, y) for column, y in places for side in (ground.lefts[column], ground.rights[column])]
        stops.append(found if ground.column[a] < ground.column[b] else found[::-1])
    return stops


def _ports(part: Part, ground: Ground, stops: list[list[Point]]) -> tuple[dict[int, float], dict[int, float]]:
    """Heights at which every link leaves and enters: in the order of where they go, level links on the axis."""
    leaving: dict[int, list[tuple[float, int]]] = defaultdict(list)
    entering: dict[int, list[tuple[float, int]]] = defaultdict(list)
    for number, (a, b) in enumerate(part.links):
        leaving[a].append((stops[number][0][1] if stops[number] else ground.axes[b], number))
        entering[b].append((stops[number][-1][1] if stops[number] else ground.axes[a], number))
    result: list[dict[int, float]] = []
    for side in (leaving, entering):
        ports: dict[int, float] = {}
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
        result.append(ports)
    return result[0], result[1]


def _curve(points: list[Point], gap: float) -> tuple[Point, ...]:
    """Level through every point; a link that turns round swings out into the gap, first to the right."""
    kept = [points[0]]
    for here, following in pairwise(points[1:]):
        if dist(here, kept[-1]) > NOTHING and not kept[-1][1] == here[1] == following[1]:
            kept.append(here)
    kept.append(points[-1])
    curve = [kept[0]]
    swing = gap * 0.6
    for (x0, y0), (x1, y1) in pairwise(kept):
        if abs(x1 - x0) > NOTHING or y0 == y1:
            curve += [((x0 + x1) / 2, y0), ((x0 + x1) / 2, y1), (x1, y1)]
        else:
            curve += [(x0 + swing, y0), (x1 + swing, y1), (x1, y1)]
            swing = -swing
    return tuple(curve)
