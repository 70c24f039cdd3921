"""The items of every column, from top to bottom, so that few links cross."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import pairwise

from core.layout.base import Watch
from core.layout.layering import Layers

LARGE = 3000
"""From this many items on, one attempt has to do."""
SWEEPS = 24
PATIENCE = 5
"""Sweeps without a gain before it is good enough."""
WORK = 120_000
"""Links looked at, at most, in all sweeps together; two sweeps are always made."""


def ordered(layers: Layers, watch: Watch, previous: Mapping[int, float] | None = None) -> list[list[int]]:
    """Columns of items: depth first from the results, then by medians and exchanges of neighbours.

    Where the first start cannot be untangled, others may: each puts the longer links on other sides.

    Args:
        previous: earlier height of cards; their order is kept wherever that costs no crossing.
    """
    depth, _ = layers.lengths()
    starts: tuple[Callable[[], list[list[int]]], ...] = (
        lambda: _depth_first(layers, lambda item: 0),
        lambda: _depth_first(layers, lambda item: depth[item]),
        lambda: _depth_first(layers, lambda item: -depth[item]),
        lambda: _both_ways(layers, lambda item: -depth[item]),
    )
    found: list[tuple[int, int, int, _Sorting]] = []
    for turn, start in enumerate(starts):
        sorting = _Sorting(layers, start())
        sorting.improve(watch, turn / len(starts), 1 / len(starts))
        found.append((sum(sorting.crossings), sorting.disorder(previous or {}), turn, sorting))
        if found[-1][:2] == (0, 0) or len(layers.column) > LARGE:
            break
    best = min(found)[-1]
    if previous:
        best.restore(previous)
    return best.columns


def _depth_first(layers: Layers, key: Callable[[int], int]) -> list[list[int]]:
    """From the results to what feeds them, one input after the other: a tree comes out without crossings.

    Args:
        key: inputs are taken in this order, equal ones as the links come.
    """
    columns: list[list[int]] = [[] for _ in range(max(layers.column) + 1)]
    seen = [False] * len(layers.column)
    for start in _from_the_last(layers):
        stack = [start]
        while stack:
            item = stack.pop()
            if not seen[item]:
                seen[item] = True
                columns[layers.column[item]].append(item)
                stack.extend(sorted(layers.before[item], key=key)[::-1])
    return columns


def _both_ways(layers: Layers, key: Callable[[int], int]) -> list[list[int]]:
    """The same, also from what is used to its other uses: these stand above the first path, its other inputs below."""
    columns: list[list[int]] = [[] for _ in range(max(layers.column) + 1)]
    place: dict[int, int] = {}
    for start in _from_the_last(layers):
        stack = [(start, 0)]
        while stack:
            item, side = stack.pop()
            if item not in place:
                place[item] = -len(place) if side < 0 else len(place)
                columns[layers.column[item]].append(item)
                stack.extend((other, side or -1) for other in layers.after[item])
                first, *others = sorted(layers.before[item], key=key) or [item]
                stack.extend((other, side or 1) for other in reversed(others))
                stack.append((first, side))
    return [sorted(column, key=place.__getitem__) for column in columns]


def _from_the_last(layers: Layers) -> list[int]:
    return sorted(range(len(layers.column)), key=lambda item: -layers.column[item])


class _Sorting:
    """Columns while they are being sorted.

    Attributes:
        position: of every item in its column.
        crossings: between each column and the next.
    """

    def __init__(self, layers: Layers, columns: list[list[int]]) -> None:
        self.layers = layers
        self.columns = columns
        self.position = [0] * len(layers.column)
        for column in columns:
            self._number(column)
        self.crossings = [self._count(place) for place in range(len(columns))]

    def improve(self, watch: Watch, done: float, share: float) -> None:
        """Sweeps to and fro; the best order found stays."""
        fewest, stale = sum(self.crossings), 0
        best = [list(column) for column in self.columns]
        links = sum(map(len, self.layers.after)) + 1
        sweeps = max(2, min(SWEEPS, WORK // links))
        for sweep in range(sweeps):
            if not fewest or stale == PATIENCE:
                break
            self._sweep(forward=sweep % 2 == 0, watch=watch, done=done + share * sweep / sweeps)
            now = sum(self.crossings)
            stale = 0 if now < fewest else stale + 1
            if now < fewest:
                fewest, best = now, [list(column) for column in self.columns]
        self._set(best)

    def disorder(self, previous: Mapping[int, float]) -> int:
        """Neighbours among the cards that were there before that have changed places."""
        columns = ([previous[item] for item in column if item in previous] for column in self.columns)
        return sum(a > b for heights in columns for a, b in pairwise(heights))

    def restore(self, previous: Mapping[int, float]) -> None:
        """Gives cards that were there before their earlier order, column by column, where no crossing is added."""
        for place, column in enumerate(self.columns):
            old = iter(sorted((item for item in column if item in previous), key=lambda item: previous[item]))
            wanted = [next(old) if item in previous else item for item in column]
            if wanted == column:
                continue
            near = [gap for gap in (place - 1, place) if gap >= 0]
            before, kept = sum(self.crossings[gap] for gap in near), list(column)
            self._replace(place, wanted)
            if sum(self._count(gap) for gap in near) > before:
                self._replace(place, kept)
            for gap in near:
                self.crossings[gap] = self._count(gap)

    def _sweep(self, forward: bool, watch: Watch, done: float) -> None:
        """One pass over the columns; only where something crosses, or where the column before was changed."""
        count = len(self.columns)
        neighbours = self.layers.before if forward else self.layers.after
        changed = False
        for place in range(1, count) if forward else range(count - 2, -1, -1):
            if not (changed or self.crossings[place] or self.crossings[place - 1]):
                continue
            watch(done)
            column = self.columns[place]
            earlier = list(column)
            self._by_medians(column, neighbours)
            while self._exchange(column):
                pass
            changed = column != earlier
            if changed:
                for gap in (place - 1, place):
                    self.crossings[gap] = self._count(gap)

    def _by_medians(self, column: list[int], neighbours: list[list[int]]) -> None:
        """Items stand at the median of their neighbours; those without neighbours keep their place."""
        position = self.position
        median: dict[int, float] = {}
        for item in column:
            near = sorted([position[other] for other in neighbours[item]])
            if near:
                median[item] = (near[(len(near) - 1) // 2] + near[len(near) // 2]) / 2
        moving = iter(sorted(median, key=median.__getitem__))
        column[:] = [next(moving) if item in median else item for item in column]
        self._number(column)

    def _exchange(self, column: list[int]) -> bool:
        """Exchanges neighbours in the column that cross less the other way round; whether there were any."""
        position, before, after = self.position, self.layers.before, self.layers.after
        left = [sorted([position[other] for other in before[item]]) for item in column]
        right = [sorted([position[other] for other in after[item]]) for item in column]
        exchanged = False
        for place in range(len(column) - 1):
            following = place + 1
            gain = _gain(left[place], left[following]) + _gain(right[place], right[following])
            if gain > 0:
                exchanged = True
                column[place], column[following] = column[following], column[place]
                left[place], left[following] = left[following], left[place]
                right[place], right[following] = right[following], right[place]
        if exchanged:
            self._number(column)
        return exchanged

    def _count(self, gap: int) -> int:
        """Crossings between a column and the next: pairs of links in the wrong order, counted in a Fenwick tree."""
        if not 0 <= gap < len(self.columns) - 1:
            return 0
        position, after = self.position, self.layers.after
        ends = [target for item in self.columns[gap] for target in sorted([position[o] for o in after[item]])]
        if all(a <= b for a, b in pairwise(ends)):
            return 0
        size = len(self.columns[gap + 1])
        tree = [0] * (size + 1)
        crossings = 0
        for drawn, end in enumerate(ends):
            crossings += drawn
            node = end + 1
            while node:
                crossings -= tree[node]
                node &= node - 1
            node = end + 1
            while node <= size:
                tree[node] += 1
                node += node & -node
        return crossings

    def _number(self, column: list[int]) -> None:
        for place, item in enumerate(column):
            self.position[item] = place

    def _replace(self, place: int, column: list[int]) -> None:
        self.columns[place] = column
        self._number(column)

    def _set(self, columns: list[list[int]]) -> None:
        self.columns = columns
        for column in columns:
            self._number(column)
        self.crossings = [self._count(place) for place in range(len(columns))]


def _gain(upper: list[int], lower: list[int]) -> int:
    """Crossings that go when two items change places, given where the links of each end, in order."""
    if not upper or not lower or upper[-1] < lower[0]:
        return -len(upper) * len(lower)
    gain = smaller = smaller_or_equal = 0
    for end in upper:
        while smaller < len(lower) and lower[smaller] < end:
            smaller += 1
        while smaller_or_equal < len(lower) and lower[smaller_or_equal] <= end:
            smaller_or_equal += 1
        gain += smaller - (len(lower) - smaller_or_equal)
    return gain
