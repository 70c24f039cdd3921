"""Links → columns: every card gets a column, every longer link a bend in each column that it passes."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from core.layout.base import Link

ROOM_FOR_BENDS = 20_000
"""Bends that any graph may have; a large one may have eight for each card. Links beyond run below everything."""


@dataclass
class Layers:
    """A connected graph in columns, where every remaining link leads to the next column.

    Items are the cards, and after them the bends.

    Attributes:
        cards: how many items are cards.
        column: of every item.
        before, after: neighbours of every item in the column to its left and to its right, in the order of the links.
        lanes: bends of every link that has some, from left to right; a link that runs against the reading direction
            also has one in its two cards' own columns, which it must go round.
        below: links too long for bends.
    """

    cards: int
    column: list[int]
    before: list[list[int]]
    after: list[list[int]]
    lanes: dict[Link, list[int]] = field(default_factory=dict)
    below: set[Link] = field(default_factory=set)

    def lengths(self) -> tuple[list[int], list[int]]:
        """Links on the longest path that ends at every item, and that begins there; bends lengthen no path."""
        depth, height = [0] * len(self.column), [0] * len(self.column)
        order = sorted(range(len(self.column)), key=self.column.__getitem__)
        for item in order:
            for other in self.before[item]:
                depth[item] = max(depth[item], depth[other] + (item < self.cards))
        for item in reversed(order):
            for other in self.after[item]:
                height[item] = max(height[item], height[other] + (item < self.cards))
        return depth, height


def layers_of(count: int, links: Sequence[Link], first: Collection[int] = (), last: Collection[int] = ()) -> Layers:
    """The columns of a connected graph; ``first`` and ``last`` are cards of the outermost ones."""
    distinct = list(dict.fromkeys(links))
    forward, against = _acyclic(count, distinct)
    column = _columns(count, list(dict.fromkeys(forward + [(b, a) for a, b in against if a != b])))
    for cards, outermost in ((first, 0), (last, max(column))):
        for card in cards:
            column[card] = outermost
    layers = Layers(count, column, [[] for _ in range(count)], [[] for _ in range(count)])
    lanes = {(a, b): range(column[a] + 1, column[b]) for a, b in forward}
    # Links against the reading direction pass their own two cards as well and turn round beside them.
    lanes |= {(a, b): range(column[b], column[a] + 1) for a, b in against}
    budget = max(ROOM_FOR_BENDS, 8 * count)
    for link in sorted(distinct, key=lambda link: len(lanes[link])):
        budget -= len(lanes[link])
        if budget < 0 and len(lanes[link]) > 1:
            layers.below.add(link)
    turned = set(against)
    for link in distinct:
        if link not in layers.below:
            _add_lane(layers, link, lanes[link], link in turned)
    return layers


def _add_lane(layers: Layers, link: Link, columns: range, turned: bool) -> None:
    first = len(layers.column)
    bends = list(range(first, first + len(columns)))
    if bends:
        layers.lanes[link] = bends
    layers.column += columns
    layers.before += [[] for _ in bends]
    layers.after += [[] for _ in bends]
    stops = bends if turned else [link[0], *bends, link[1]]
    for left, right in pairwise(stops):
        layers.after[left].append(right)
        layers.before[right].append(left)


def _acyclic(count: int, links: list[Link]) -> tuple[list[Link], list[Link]]:
    """The links that read forward, and those that close a cycle."""
    out: list[list[int]] = [[] for _ in range(count)]
    for a, b in links:
        out[a].append(b)
    fresh, open_, done = 0, 1, 2
    state = [fresh] * count
    against: set[Link] = set()
    for start in range(count):
        if state[start] != fresh:
            continue
        state[start] = open_
        path = [(start, iter(out[start]))]
        while path:
            card, rest = path[-1]
            target = next(rest, None)
            if target is None:
                state[card] = done
                path.pop()
            elif state[target] == open_:
                against.add((card, target))
            elif state[target] == fresh:
                state[target] = open_
                path.append((target, iter(out[target])))
    return [link for link in links if link not in against], [link for link in links if link in against]


def _columns(count: int, links: list[Link]) -> list[int]:
    """A column for every card: as many columns as the longest path has cards, links as short as may be.

    What leads to the last result is counted back from there, so that a leaf stands beside its consumer. What leads
    elsewhere (a value printed, a second loss) is counted on from where it branches off. What only feeds that is
    again counted back. Each card keeps within ``depth ≤ column ≤ last − height``, so that everything fits.
    """
    sources: list[list[int]] = [[] for _ in range(count)]
    targets: list[list[int]] = [[] for _ in range(count)]
    for a, b in links:
        sources[b].append(a)
        targets[a].append(b)
    order = topological(sources, targets)
    depth, height = [0] * count, [0] * count
    for card in order:
        depth[card] = max((depth[source] + 1 for source in sources[card]), default=0)
    for card in reversed(order):
        height[card] = max((height[target] + 1 for target in targets[card]), default=0)
    last = max(depth)
    column = [last - h for h in height]
    placed = [False] * count
    for card in reversed(order):
        placed[card] = depth[card] == last or any(placed[target] for target in targets[card])
    for card in order:
        if not placed[card] and any(placed[source] for source in sources[card]):
            placed[card] = True
            column[card] = max(depth[card], *(column[source] + 1 for source in sources[card] if placed[source]))
    for card in reversed(order):
        if not placed[card]:
            column[card] = min((column[target] - 1 for target in targets[card]), default=column[card])
    for card in order:
        if len(sources[card]) > len(targets[card]):
            column[card] = max(column[source] for source in sources[card]) + 1
    for card in reversed(order):
        if len(targets[card]) > len(sources[card]):
            column[card] = min(column[target] for target in targets[card]) - 1
    return column


def topological(above: Sequence[Collection[int]], below: Sequence[Collection[int]]) -> list[int]:
    """Numbers in an order in which each comes after all those above it, where there is one."""
    waiting = [len(found) for found in above]
    ready = deque(number for number, count in enumerate(waiting) if not count)
    order = []
    while ready:
        number = ready.popleft()
        order.append(number)
        for other in below[number]:
            waiting[other] -= 1
            if not waiting[other]:
                ready.append(other)
    return order
