"""Ordered columns → where every item stands: main lines straight and level, the rest close by."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import inf
from statistics import median

from core.layout.base import Watch
from core.layout.layering import Layers, topological

ROUNDS = 3
"""In which lines are drawn to each other."""
FEW = 3
"""Inputs of which the first is the main one."""


@dataclass
class _Lines:
    """Runs of items, from column to column, that are drawn at one height.

    Attributes:
        of: the line of every item.
        weight: cards on the longest path through each line; lines are drawn towards heavier ones.
        main: the line of the longest path, which has an item in every column.
    """

    of: list[int]
    weight: list[int]
    main: int


def heights_of(
    layers: Layers,
    columns: list[list[int]],
    reach: Sequence[tuple[float, float]],
    between: float,
    watch: Watch,
    previous: Mapping[int, float] | None = None,
) -> tuple[list[float], float]:
    """The y of every item's axis, and that of the main line, which is 0 or where it was before.

    What stands above the main line is packed down onto it, what stands below is packed up, line by line; then every
    line is drawn to the heavier lines it is linked with, as far as its neighbours let it.

    Args:
        reach: of every item, how far it reaches above and below its axis.
        between: room between two cards; half of it is left beside a bend.
        previous: earlier axis of cards; lines with such cards are drawn there instead.
    """
    lines = _lines(layers, columns)
    watch(0.5)
    above, below = _apart(layers, columns, lines, reach, between)
    # Links in lines never cross, so there is an order.
    order, sides = topological(above, below), _sides(columns, lines)
    watch(0.7)
    wanted = _wanted(layers, lines)
    earlier = _earlier(lines, previous or {})
    y = [0.0] * len(wanted)
    if earlier:
        y[lines.main] = earlier.get(lines.main, median(earlier.values()))
    under = [line for line in order if sides[line] > 0]
    over = [line for line in reversed(order) if sides[line] < 0]
    for sign, side, inner, outer in ((1, under, above, below), (-1, over, below, above)):
        for line in side:
            y[line] = sign * max(sign * y[other] + room for other, room in inner[line].items())
        for turn in range(ROUNDS):
            # Outermost lines first: they make room for those between them and the main line.
            for line in side if turn % 2 else reversed(side):
                if line not in earlier and not wanted[line]:
                    continue
                target = earlier[line] if line in earlier else median([y[other] for other in wanted[line]])
                low = max(sign * y[other] + room for other, room in inner[line].items())
                high = min((sign * y[other] - room for other, room in outer[line].items()), default=inf)
                y[line] = sign * max(low, min(high, sign * target))
    watch(0.9)
    return [y[line] for line in lines.of], y[lines.main]


def _lines(layers: Layers, columns: list[list[int]]) -> _Lines:
    """Every item goes on with at most one of its neighbours on each side: the one on the longest path.

    Two links that cross cannot both be level; the one on the longer path is.
    """
    depth, height = layers.lengths()
    position = [0] * len(layers.column)
    for column in columns:
        for place, item in enumerate(column):
            position[item] = place
    main = set(_main_path(layers, columns, depth))
    follower: dict[int, int] = {}
    for column in columns[:-1]:
        links = [(item, target) for item in column for target in layers.after[item]]
        if len(links) > 1:
            links.sort(key=lambda link: _rank(link, main, layers.cards, depth, height))
        chosen: list[tuple[int, int]] = []
        taken: set[int] = set()
        for item, target in links:
            here = (position[item], position[target])
            at = bisect_left(chosen, here)
            free = item not in follower and target not in taken
            if free and (not at or chosen[at - 1][1] < here[1]) and (at == len(chosen) or here[1] < chosen[at][1]):
                chosen.insert(at, here)
                follower[item] = target
                taken.add(target)
    of = [-1] * len(position)
    weight: list[int] = []
    for column in columns:
        for item in column:
            if of[item] >= 0:
                continue
            line, heaviest, stop = len(weight), 0, item
            while True:
                of[stop] = line
                heaviest = max(heaviest, depth[stop] + height[stop])
                if stop not in follower:
                    break
                stop = follower[stop]
            weight.append(heaviest)
    return _Lines(of, weight, of[next(item for item in columns[-1] if item in main)])


def _rank(
    link: tuple[int, int], main: set[int], cards: int, depth: list[int], height: list[int]
) -> tuple[bool, bool, int]:
    """Sorts the links between two columns: the main path, then links that go on, then by the length of their path."""
    a, b = link
    return (not (a in main and b in main), not (a >= cards and b >= cards), -depth[a] - height[b])


def _main_path(layers: Layers, columns: list[list[int]], depth: list[int]) -> list[int]:
    """The longest path to the earliest result, one card in each column, from the last to the first.

    Where there are several, it goes through the first input, which comes before weights; of many inputs through the
    middle one, so that they stand to both sides.
    """
    path = [min(item for item in columns[-1] if item < layers.cards and depth[item] == len(columns) - 1)]
    for place in range(len(columns) - 2, -1, -1):
        found = [other for other in layers.before[path[-1]] if other < layers.cards and depth[other] == place]
        if len(found) > FEW:
            found = [item for item in columns[place] if item in set(found)][len(found) // 2 :]
        path.append(found[0])
    return path


def _apart(
    layers: Layers, columns: list[list[int]], lines: _Lines, reach: Sequence[tuple[float, float]], between: float
) -> tuple[list[dict[int, float]], list[dict[int, float]]]:
    """For every line, the lines next to it above and below, and how far their axes must be apart."""
    above: list[dict[int, float]] = [{} for _ in lines.weight]
    below: list[dict[int, float]] = [{} for _ in lines.weight]
    for column in columns:
        for upper, lower in pairwise(column):
            room = between if upper < layers.cards and lower < layers.cards else between / 2
            room += reach[upper][1] + reach[lower][0]
            a, b = lines.of[upper], lines.of[lower]
            if room > below[a].get(b, 0.0):
                below[a][b] = above[b][a] = room
    return above, below


def _sides(columns: list[list[int]], lines: _Lines) -> list[int]:
    """-1 for every line above the main line, 1 below it, 0 for itself."""
    side = [0] * len(lines.weight)
    for column in columns:
        where = -1
        for item in column:
            if lines.of[item] == lines.main:
                where = 1
            else:
                side[lines.of[item]] = where
    return side


def _wanted(layers: Layers, lines: _Lines) -> list[list[int]]:
    """For every line, the lines it is linked with that weigh no less, once for each link."""
    wanted: list[list[int]] = [[] for _ in lines.weight]
    for item, targets in enumerate(layers.after):
        a = lines.of[item]
        for target in targets:
            b = lines.of[target]
            if a != b:
                if lines.weight[a] <= lines.weight[b]:
                    wanted[a].append(b)
                if lines.weight[b] <= lines.weight[a]:
                    wanted[b].append(a)
    return wanted


def _earlier(lines: _Lines, previous: Mapping[int, float]) -> dict[int, float]:
    """The height that the cards of each line had before."""
    found: dict[int, list[float]] = {}
    for card, y in previous.items():
        found.setdefault(lines.of[card], []).append(y)
    return {line: median(heights) for line, heights in found.items()}


def columns_at(
    widths: Sequence[float], gaps: Sequence[float], previous: Mapping[int, float] | None = None
) -> list[float]:
    """The left side of every column.

    Args:
        gaps: room after each column.
        previous: earlier middle of columns, kept where that leaves hardly more room than is needed.
    """
    lefts: list[float] = []
    least = 0.0
    if previous:
        first = min(previous)
        least = previous[first] - widths[first] / 2 - sum(widths[:first]) - sum(gaps[:first])
    for place, (width, gap) in enumerate(zip(widths, gaps, strict=True)):
        left = previous[place] - width / 2 if previous and place in previous else least
        lefts.append(left if least < left <= least + gap else least)
        least = lefts[-1] + width + gap
    return lefts
