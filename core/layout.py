"""Cards with sizes and the edges between them → positions and routes, left to right; pure geometry."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import sqrt

Point = tuple[float, float]
Size = tuple[float, float]
Link = tuple[int, int]

LARGE = 3000
"""From this many cards and bends on fewer sweeps have to do."""
KINK = 14.0
"""Height of a step in an edge that is taken out."""
DUMMY_SIZE = 16.0
"""Height kept free for an edge that runs past a card."""


@dataclass(frozen=True)
class Layout:
    """Where everything stands.

    Attributes:
        corners: top left corner of every card.
        routes: per edge, a chain of cubic Bézier points (3n + 1), from the source's right side to the target's left.
        size: width and height of the whole.
    """

    corners: tuple[Point, ...]
    routes: tuple[tuple[Point, ...], ...]
    size: Size


def arrange(
    sizes: Sequence[Size],
    links: Sequence[Link],
    *,
    gap: float = 72.0,
    between: float = 28.0,
    ports: Sequence[float] | None = None,
) -> Layout:
    """Lays out any graph, cyclic, disconnected or empty.

    Args:
        sizes: width and height of every card.
        links: (source, target) per edge; parallel edges and self loops are allowed.
        gap: room between two columns. between: room between two cards of a column.
        ports: height of the middle part of every card where edges may end; all of it by default.
    """
    boxes: list[tuple[float, float]] = [(0.0, 0.0)] * len(sizes)
    bends: dict[Link, list[Point]] = {}
    shelf_x = shelf_y = shelf_height = width = 0.0
    parts = _components(len(sizes), links)
    shelf_width = sqrt(sum(w * h for w, h in sizes) * 2.5)
    for part in parts:
        place, size, part_bends = _arrange_part(part, sizes, links, gap, between)
        if shelf_x and shelf_x + size[0] > shelf_width:
            shelf_x, shelf_y, shelf_height = 0.0, shelf_y + shelf_height + between, 0.0
        for card, (x, y) in place.items():
            boxes[card] = (x + shelf_x, y + shelf_y)
        for link, points in part_bends.items():
            bends[link] = [(x + shelf_x, y + shelf_y) for x, y in points]
        shelf_x += size[0] + gap
        shelf_height = max(shelf_height, size[1])
        width = max(width, shelf_x - gap)
    reach = [height for _, height in sizes] if ports is None else ports
    return Layout(tuple(boxes), _routes(boxes, sizes, reach, links, bends), (width, shelf_y + shelf_height))


def _components(count: int, links: Sequence[Link]) -> list[list[int]]:
    """Connected parts, the largest first."""
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
    return sorted(parts.values(), key=len, reverse=True)


def _arrange_part(
    part: list[int], sizes: Sequence[Size], links: Sequence[Link], gap: float, between: float
) -> tuple[dict[int, Point], Size, dict[Link, list[Point]]]:
    if len(part) == 1:
        return {part[0]: (0.0, 0.0)}, sizes[part[0]], {}
    local = {card: number for number, card in enumerate(part)}
    pairs = sorted({(local[a], local[b]) for a, b in links if a != b and a in local})
    pairs = _acyclic(len(part), pairs)
    rank = _layers(len(part), pairs)
    heights = [sizes[card][1] for card in part]
    column_of = list(rank)
    above: list[list[int]] = [[] for _ in part]
    below: list[list[int]] = [[] for _ in part]
    chains: dict[Link, list[int]] = {}
    # Very long edges in very large graphs would need millions of dummies; past this budget they run straight.
    budget = 4000 + 4 * len(part)
    for a, b in sorted(pairs, key=lambda pair: rank[pair[1]] - rank[pair[0]]):
        previous, chain = a, []
        length = rank[b] - rank[a] - 1
        if length > budget:
            above[b].append(a)
            below[a].append(b)
            continue
        budget -= length
        for column in range(rank[a] + 1, rank[b]):
            dummy = len(column_of)
            column_of.append(column)
            heights.append(DUMMY_SIZE)
            above.append([previous])
            below.append([])
            below[previous].append(dummy)
            chain.append(dummy)
            previous = dummy
        above[b].append(previous)
        below[previous].append(b)
        chains[(a, b)] = chain
    columns = _order(column_of, above, below)
    centres = _centres(columns, above, below, heights, len(part), between)
    top = min(centre - height / 2 for centre, height in zip(centres, heights, strict=True))
    bottom = max(centre + height / 2 for centre, height in zip(centres, heights, strict=True))
    left, lefts, widths = 0.0, [], []
    for items in columns:
        lefts.append(left)
        widths.append(max((sizes[part[item]][0] for item in items if item < len(part)), default=0.0))
        left += widths[-1] + gap
    place = {
        part[item]: (
            lefts[column_of[item]] + (widths[column_of[item]] - sizes[part[item]][0]) / 2,
            centres[item] - heights[item] / 2 - top,
        )
        for item in range(len(part))
    }
    bends: dict[Link, list[Point]] = {}
    for (a, b), chain in chains.items():
        points = []
        for dummy in chain:
            column = column_of[dummy]
            points += [
                (lefts[column], centres[dummy] - top),
                (lefts[column] + widths[column], centres[dummy] - top),
            ]
        bends[(part[a], part[b])] = points
    return place, (left - gap, bottom - top), bends


def _acyclic(count: int, pairs: list[Link]) -> list[Link]:
    """Turns round the edges that close a cycle."""
    out: list[list[int]] = [[] for _ in range(count)]
    for a, b in pairs:
        out[a].append(b)
    state = [0] * count
    result: set[Link] = set()
    for start in range(count):
        if state[start]:
            continue
        state[start] = 1
        stack = [(start, iter(out[start]))]
        while stack:
            card, rest = stack[-1]
            target = next(rest, None)
            if target is None:
                state[card] = 2
                stack.pop()
            elif state[target] == 1:
                result.add((target, card))
            else:
                result.add((card, target))
                if not state[target]:
                    state[target] = 1
                    stack.append((target, iter(out[target])))
    return sorted(result)


def _layers(count: int, pairs: list[Link]) -> list[int]:
    """Column of every card, counted from the last one back, so that a leaf stands beside its consumer."""
    sources: list[list[int]] = [[] for _ in range(count)]
    waiting = [0] * count
    for a, b in pairs:
        sources[b].append(a)
        waiting[a] += 1
    height = [0] * count
    ready = deque(card for card in range(count) if not waiting[card])
    while ready:
        card = ready.popleft()
        for source in sources[card]:
            height[source] = max(height[source], height[card] + 1)
            waiting[source] -= 1
            if not waiting[source]:
                ready.append(source)
    deepest = max(height)
    column = [deepest - h for h in height]
    # A result that nothing uses stands beside what it came from, not at the far end.
    targets = {a for a, _ in pairs}
    for card in range(count):
        if card not in targets and sources[card]:
            column[card] = max(column[source] for source in sources[card]) + 1
    first = min(column)
    return [place - first for place in column]


def _order(column_of: list[int], above: list[list[int]], below: list[list[int]]) -> list[list[int]]:
    """Items of every column from top to bottom, with few crossings: depth first, then medians and transpositions."""
    columns: list[list[int]] = [[] for _ in range(max(column_of) + 1)]
    seen = [False] * len(column_of)
    for start in sorted(range(len(column_of)), key=lambda item: (-column_of[item], item)):
        stack = [start]
        while stack:
            item = stack.pop()
            if not seen[item]:
                seen[item] = True
                columns[column_of[item]].append(item)
                stack.extend(reversed(above[item]))
    position = [0] * len(column_of)

    def number() -> None:
        for column in columns:
            for place, item in enumerate(column):
                position[item] = place

    number()
    best, fewest = [list(column) for column in columns], _crossings(columns, below, position)
    for sweep in range(12 if len(column_of) < LARGE else 2):
        if not fewest:
            break
        down = sweep % 2 == 0
        neighbours = above if down else below
        for column in columns[1:] if down else columns[-2::-1]:
            medians = {item: _median([position[other] for other in neighbours[item]]) for item in column}
            moving = iter(sorted((i for i in column if medians[i] is not None), key=lambda i: medians[i] or 0.0))
            column[:] = [item if medians[item] is None else next(moving) for item in column]
            for place, item in enumerate(column):
                position[item] = place
            _transpose(column, above, below, position)
        now = _crossings(columns, below, position)
        if now < fewest:
            best, fewest = [list(column) for column in columns], now
    return best


def _median(values: list[int]) -> float | None:
    if not values:
        return None
    values.sort()
    middle = len(values) // 2
    return float(values[middle]) if len(values) % 2 else (values[middle - 1] + values[middle]) / 2


def _transpose(column: list[int], above: list[list[int]], below: list[list[int]], position: list[int]) -> None:
    for place in range(len(column) - 1):
        a, b = column[place], column[place + 1]
        if _pair_crossings(a, b, above, below, position) > _pair_crossings(b, a, above, below, position):
            column[place], column[place + 1] = b, a
            position[a], position[b] = place + 1, place


def _pair_crossings(a: int, b: int, above: list[list[int]], below: list[list[int]], position: list[int]) -> int:
    return sum(
        position[x] > position[y]
        for neighbours in (above, below)
        if len(neighbours[a]) * len(neighbours[b]) <= 400
        for x in neighbours[a]
        for y in neighbours[b]
    )


def _crossings(columns: list[list[int]], below: list[list[int]], position: list[int]) -> int:
    """Crossings between neighbouring columns, counted with a Fenwick tree."""
    total = 0
    for column, following in pairwise(columns):
        tree = [0] * (len(following) + 1)
        drawn = 0
        for item in column:
            targets = [position[target] for target in below[item]]
            for target in targets:
                total, node = total + drawn, min(target + 1, len(following))
                while node:
                    total -= tree[node]
                    node &= node - 1
            for target in targets:
                drawn, node = drawn + 1, min(target + 1, len(following))
                while node <= len(following):
                    tree[node] += 1
                    node += node & -node
    return total


def _centres(
    columns: list[list[int]],
    above: list[list[int]],
    below: list[list[int]],
    heights: list[float],
    cards: int,
    between: float,
) -> list[float]:
    """Vertical centres: every item as near to its neighbours' mean as its column allows, exactly (pool adjacent)."""
    # A chain stays straight when leaves beside it hardly pull on it.
    pull = [1.0 if before or item >= cards else 0.02 for item, before in enumerate(above)]
    centre = [0.0] * len(heights)
    for column in columns:
        top = 0.0
        for item in column:
            centre[item] = top + heights[item] / 2
            top += heights[item] + between
    sweeps = 24 if len(heights) < LARGE else 4
    for sweep in range(sweeps):
        last = sweep >= sweeps - 2
        down = sweep % 2 == 0
        for column in columns if down else reversed(columns):
            wanted, weights = [], []
            for item in column:
                side = (above if down else below)[item]
                other = (below if down else above)[item]
                near = [*side, *other] if last or not side else side
                total = sum(pull[n] for n in near)
                wanted.append(sum(centre[n] * pull[n] for n in near) / total if near else centre[item])
                weights.append(4.0 if item >= cards else pull[item])
            for item, place in zip(column, _pool(wanted, weights, [heights[i] for i in column], between), strict=True):
                centre[item] = place
    _straighten(columns, above, below, heights, centre, between)
    return centre


def _straighten(
    columns: list[list[int]],
    above: list[list[int]],
    below: list[list[int]],
    heights: list[float],
    centre: list[float],
    between: float,
) -> None:
    """Takes the last small kinks out of edges that are level but for a few pixels, where the column has room."""
    for order, sides in ((columns[::-1], below), (columns, above)):
        for column in order:
            for place, item in enumerate(column):
                near = min(sides[item], key=lambda other: abs(centre[other] - centre[item]), default=item)
                wanted = centre[near]
                if not 0 < abs(wanted - centre[item]) <= KINK:
                    continue
                low = high = None
                if place:
                    upper = column[place - 1]
                    low = centre[upper] + (heights[upper] + heights[item]) / 2 + between
                if place + 1 < len(column):
                    lower = column[place + 1]
                    high = centre[lower] - (heights[lower] + heights[item]) / 2 - between
                if (low is None or wanted >= low) and (high is None or wanted <= high):
                    centre[item] = wanted


def _pool(wanted: list[float], weights: list[float], heights: list[float], between: float) -> list[float]:
    """Least squares towards ``wanted`` in the given order and without overlap: pool adjacent violators."""
    offsets, offset = [], 0.0
    for place, height in enumerate(heights):
        offset += (heights[place - 1] + height) / 2 + between if place else 0.0
        offsets.append(offset)
    blocks: list[tuple[float, float, int]] = []
    for target, weight, shift in zip(wanted, weights, offsets, strict=True):
        mean, mass, count = target - shift, weight, 1
        while blocks and blocks[-1][0] > mean:
            other_mean, other_mass, other_count = blocks.pop()
            mean = (mean * mass + other_mean * other_mass) / (mass + other_mass)
            mass, count = mass + other_mass, count + other_count
        blocks.append((mean, mass, count))
    means = [mean for mean, _, count in blocks for _ in range(count)]
    return [mean + shift for mean, shift in zip(means, offsets, strict=True)]


def _routes(
    corners: list[Point],
    sizes: Sequence[Size],
    reach: Sequence[float],
    links: Sequence[Link],
    bends: dict[Link, list[Point]],
) -> tuple[tuple[Point, ...], ...]:
    """Curves from port to port; ports of one side are spread in the order of where their edges go."""
    leaving: dict[int, list[int]] = defaultdict(list)
    entering: dict[int, list[int]] = defaultdict(list)

    def middle(card: int) -> float:
        return corners[card][1] + sizes[card][1] / 2

    for number, (a, b) in enumerate(links):
        if a != b:
            leaving[a].append(number)
            entering[b].append(number)
    start: dict[int, float] = {}
    finish: dict[int, float] = {}
    for card, numbers in leaving.items():
        numbers.sort(key=lambda n: ((bends.get(links[n]) or [(0, middle(links[n][1]))])[0][1], n))
        start.update(zip(numbers, _ports(middle(card), reach[card], len(numbers)), strict=True))
    for card, numbers in entering.items():
        numbers.sort(key=lambda n: ((bends.get(links[n]) or [(0, middle(links[n][0]))])[-1][1], n))
        finish.update(zip(numbers, _ports(middle(card), reach[card], len(numbers)), strict=True))
    routes = []
    for number, (a, b) in enumerate(links):
        if a == b:
            routes.append(_loop(corners[a], sizes[a]))
            continue
        first = (corners[a][0] + sizes[a][0], start[number])
        last = (corners[b][0], finish[number])
        routes.append(_curve([first, *bends.get((a, b), []), last]))
    return tuple(routes)


def _ports(middle: float, height: float, count: int) -> list[float]:
    spread = min(30.0, height * 0.8 / max(count, 1))
    return [middle + (place - (count - 1) / 2) * spread for place in range(count)]


def _curve(points: list[Point]) -> tuple[Point, ...]:
    """Through every point with horizontal tangents."""
    curve = [points[0]]
    for (x0, y0), (x1, y1) in pairwise(points):
        # An edge that runs against the reading direction swings out instead of folding back on itself.
        reach = (x1 - x0) / 2 if x1 > x0 else 60.0 + (x0 - x1) / 4
        curve += [(x0 + reach, y0), (x1 - reach, y1), (x1, y1)]
    return tuple(curve)


def _loop(corner: Point, size: Size) -> tuple[Point, ...]:
    x, y = corner[0] + size[0] / 2, corner[1]
    return ((x + 20, y), (x + 30, y - 40), (x - 30, y - 40), (x - 20, y))
