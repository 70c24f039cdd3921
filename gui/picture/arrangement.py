"""Cards and groups → where everything stands: open groups are frames with a layout of their own inside.

Everything is thought of as running from left to right; for the other direction both axes are exchanged on the way in
and on the way out, and frames have their header strip where lines come in.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np

from core import layout
from core.layout import Direction, Point, Size
from gui.picture.cards import Graph
from gui.picture.groups import ROOT, Group

SIDE, TOP, BOTTOM = 14.0, 42.0, 16.0
"""Room inside a frame, beside, above and below what it holds."""
TRACK = 12.0
"""From one line of a gate to the next."""
STUB = 12.0
"""The shortest first part of a line."""
FAR = 80.0
"""A chip that stands this far from the edge of its column moves there."""
CLEAR = 4.0
"""Between a frame and what lies on a line in it."""
MANY_USES = 3
"""From how many uses on a weight, or data, is drawn again beside its users."""
MANY_USERS = 7
"""From how many users on a computed value is."""
TOGETHER = 3
"""From how many on the chips beside one folded group become one."""

Rect = tuple[float, float, float, float]
"""left, top, right, bottom."""
Places = Mapping[tuple[str, Hashable], Point]
"""(group, what stands directly in it) → top left corner."""


@dataclass(frozen=True, slots=True)
class Unit:
    """Something that is drawn as one box.

    Attributes:
        around: id of the open group it stands in.
        card: the card; of a chip, the card it stands for; None for a folded group.
        group: the folded group; '' for cards and chips.
        user: of a chip: the unit beside which it stands.
        others: further cards that one chip beside a folded group stands for.
    """

    around: str
    card: int | None = None
    group: str = ""
    user: int | None = None
    others: tuple[int, ...] = ()

    def stands_for(self, card: int | None) -> bool:
        """Whether it is a chip of this card."""
        return self.user is not None and card is not None and (self.card == card or card in self.others)


@dataclass(frozen=True, slots=True)
class Extent:
    """What a unit takes up.

    Attributes:
        axis: how far below its top level lines meet it (right of its left side, where the direction is down).
        port: height of the part around the axis where lines may end (its width, where the direction is down).
    """

    width: float
    height: float
    axis: float
    port: float


@dataclass(frozen=True, slots=True)
class Strand:
    """One line of the picture: a wire between two cards, or all wires between two boxes of which one is a group."""

    source: int
    target: int
    wires: tuple[int, ...]
    route: tuple[Point, ...]


@dataclass(frozen=True, slots=True)
class Arrangement:
    """Where everything stands.

    Attributes:
        rects: left, top, right, bottom per unit.
        frames: open group → its frame, outer ones first.
        unit_of_card: card → the unit that shows it.
        places: where everything stands within the frame around it, by names that another run has too.
    """

    units: tuple[Unit, ...]
    rects: np.ndarray
    frames: dict[str, Rect]
    strands: tuple[Strand, ...]
    unit_of_card: dict[int, int]
    places: Places


@dataclass
class _Line:
    """A strand while it is being laid."""

    source: int
    target: int
    wires: list[int]
    pieces: list[tuple[str, int]] = field(default_factory=list)


Item = tuple[str, object]
"""('unit', number), ('frame', group), or a gate: ('in', unit the lines come from), ('out', the same)."""


@dataclass
class _Room:
    """The inside of one open group.

    Attributes:
        ends: of every link, which is one line's part in this room.
        meets: of every link, how far below their levels it meets the frames at its ends; None elsewhere.
        gates: links through every gate.
        beyond: of a link through a gate, the room outside and how it goes on there.
        sides: left and right of every item, once all of them stand.
    """

    items: dict[Item, int] = field(default_factory=dict)
    ends: list[tuple[Item, Item]] = field(default_factory=list)
    meets: list[list[float | None]] = field(default_factory=list)
    gates: dict[Item, list[int]] = field(default_factory=dict)
    beyond: dict[int, tuple[str, int]] = field(default_factory=dict)
    labels: dict[int, Size] = field(default_factory=dict)
    layout: layout.Layout | None = None
    sizes: list[Size] = field(default_factory=list)
    origin: Point = (0.0, 0.0)
    sides: np.ndarray | None = None

    def item(self, item: Item) -> int:
        return self.items.setdefault(item, len(self.items))

    def in_order(self, units: Sequence[Unit], groups: Mapping[str, Group]) -> None:
        """Boxes and frames as they come in the program, and not all frames after all boxes."""

        def first(item: Item) -> int:
            unit = units[item[1]] if isinstance(item[1], int) else Unit("", group=str(item[1]))
            if unit.user is not None:
                unit = units[unit.user]
            return unit.card if unit.card is not None else groups[unit.group].first_card

        self.items = {item: number for number, item in enumerate(sorted(self.items, key=first))}

    def link(self, a: Item, b: Item) -> int:
        self.item(a)
        self.item(b)
        number = len(self.ends)
        self.ends.append((a, b))
        self.meets.append([None, None])
        for item in (a, b):
            if item[0] in ("in", "out"):
                self.gates.setdefault(item, []).append(number)
        return number

    def standing_out(self) -> tuple[float, float]:
        """Room that what lies on the outermost lines needs above and below the layout."""
        assert self.layout is not None
        top, over, under = self.layout.origin[1], 0.0, 0.0
        for link, (_, across) in self.labels.items():
            if across:
                heights = [y for _, y in self.layout.routes[link]]
                over = max(over, across / 2 + CLEAR - (min(heights) - top))
                under = max(under, across / 2 + CLEAR - (top + self.layout.size[1] - max(heights)))
        return over, under

    def door(self, link: int) -> float:
        """How far below the layout's level a link meets the frame's border."""
        assert self.layout is not None
        return self.layout.routes[link][0 if self.ends[link][0][0] == "in" else -1][1] - self.layout.level

    def column(self, x: float) -> tuple[float, float]:
        """Left and right edge of the column at x."""
        if self.sides is None:
            self.sides = np.array([self.rect(item) for item in self.items], dtype=float).reshape(-1, 4)[:, [0, 2]]
        there = self.sides[(self.sides[:, 0] <= x) & (x <= self.sides[:, 1])]
        return (float(there[:, 0].min()), float(there[:, 1].max())) if len(there) else (x, x)

    def rect(self, item: Item) -> Rect:
        assert self.layout is not None
        number = self.items[item]
        x, y = self.layout.corners[number]
        width, height = self.sizes[number]
        left, top = x + self.origin[0], y + self.origin[1]
        return (left, top, left + width, top + height)


_ORIGIN = "origin"


def _name(item: Item, units: Sequence[Unit], identity: Sequence[Hashable]) -> Hashable:
    """What an item of a room is known by in another run."""
    kind, what = item
    if not isinstance(what, int):
        return item
    unit = units[what]
    user = None if unit.user is None else _name(("unit", unit.user), units, identity)
    return (kind, None if unit.card is None else identity[unit.card], unit.group, user)


def _part(progress: Callable[[float], None], before: float, share: float) -> Callable[[float], None]:
    """Progress of a part of the whole."""
    return lambda done: progress(min(1.0, before + share * done))


def arrange(
    graph: Graph,
    groups: Mapping[str, Group],
    folded: frozenset[str],
    extent_of: Callable[[Unit], Extent],
    header_width: Callable[[str], float],
    gap: float,
    label_of: Callable[[Sequence[int]], Size] | None = None,
    cancelled: Callable[[], bool] | None = None,
    progress: Callable[[float], None] | None = None,
    identity: Sequence[Hashable] = (),
    previous: Places | None = None,
    direction: Direction = "right",
) -> Arrangement:
    """Lays out what is visible.

    Args:
        header_width: what the name of an open group needs.
        gap: room between two columns.
        label_of: room that a line of these wires needs for what lies on it, along the line and across it.
        cancelled, progress: as in ``core.layout.arrange``; the share is of all frames.
        identity: of every card, what it is known by in another run; its number by default.
        previous: ``places`` of an earlier run. What did not change stays there.
        direction: where lines lead.

    Raises:
        layout.Cancelled: soon after ``cancelled`` says so.
    """
    units: list[Unit] = []
    unit_of_card: dict[int, int] = {}
    chains: dict[str, tuple[str, ...]] = {ROOT: (ROOT,)}
    _collect(ROOT, groups, folded, units, unit_of_card, chains)
    lines, again = _lines(graph, units, unit_of_card)
    lines = _stand_ins(lines, again, units, graph, chains)

    rooms = {group: _Room() for group in chains}
    for number, unit in enumerate(units):
        rooms[unit.around].item(("unit", number))
    for group, chain in chains.items():
        if group != ROOT:
            rooms[chain[-2]].item(("frame", group))
    for room in rooms.values():
        room.in_order(units, groups)
    for line in lines:
        _thread(line, units, chains, rooms)

    if label_of is not None:
        for line in lines:
            group, link = line.pieces[-1]
            rooms[group].labels[link] = label_of(line.wires)

    down = direction == "down"
    before, above, after, below = (TOP, SIDE, BOTTOM, SIDE) if down else (SIDE, TOP, SIDE, BOTTOM)
    extents = [extent_of(unit) for unit in units]
    everything, done = sum(len(room.items) for room in rooms.values()) or 1, 0.0
    frame_sizes: dict[str, Size] = {}
    inset: dict[str, float] = {}
    levels: dict[str, float] = {}
    places: dict[tuple[str, Hashable], Point] = {}
    identity = identity or range(len(graph.cards))
    for group in sorted(chains, key=lambda group: -len(chains[group])):
        room = rooms[group]
        ports, axes = [], []
        for kind, what in room.items:
            if kind == "unit":
                assert isinstance(what, int)
                extent = extents[what]
                room.sizes.append((extent.height, extent.width) if down else (extent.width, extent.height))
                ports.append(extent.port)
                axes.append(extent.axis)
            elif kind == "frame":
                assert isinstance(what, str)
                room.sizes.append(frame_sizes[what])
                ports.append(frame_sizes[what][1])
                axes.append(levels[what])
            else:
                # High enough wherever among the lines the level one is, which runs through the middle.
                height = 4.0 + 2 * TRACK * (len(room.gates[kind, what]) - 1)
                room.sizes.append((1.0, height))
                ports.append(height)
                axes.append(height / 2)
        links = [(room.items[a], room.items[b]) for a, b in room.ends]
        share, sofar = len(room.sizes) / everything, done
        done += share
        tell = None if progress is None else _part(progress, sofar, share)
        labels = [room.labels.get(link, (0.0, 0.0))[0] for link in range(len(links))]
        # What a frame holds counts: a small thing beside it shall not be taken for the main one.
        weights = [groups[str(what)].size if kind == "frame" else 1 for kind, what in room.items]
        names = [(group, _name(item, units, identity)) for item in room.items]
        earlier = {number: previous[name] for number, name in enumerate(names) if name in previous} if previous else {}
        for (kind, what), number in room.items.items():
            if kind == "frame" and number in earlier:  # it may have grown to the left, or upwards
                (x, y), (now, was) = earlier[number], ((held[str(what), _ORIGIN]) for held in (places, previous or {}))
                earlier[number] = (x + now[0] - was[0], y + now[1] - was[1])
        room.layout = layout.arrange(
            room.sizes, links, gap=gap, ports=ports, axes=axes, meets=room.meets, labels=labels, weights=weights,
            first={number for (kind, _), number in room.items.items() if kind == "in"},
            last={number for (kind, _), number in room.items.items() if kind == "out"},
            previous=earlier, cancelled=cancelled, progress=tell,
        )  # fmt: skip
        places.update(zip(names, room.layout.corners, strict=True))
        places[group, _ORIGIN] = room.layout.origin
        for link, (outside, beyond) in room.beyond.items():
            rooms[outside].meets[beyond][0 if room.ends[link][1][0] == "out" else 1] = room.door(link)
        width, height = room.layout.size
        over, under = room.standing_out()
        over, under = max(above, over), max(below, under)
        width, height, header = width + before + after, over + height + under, header_width(group)
        inset[group] = over + (max(0.0, header - height) / 2 if down else 0.0)
        # Its main line goes on outside.
        levels[group] = room.layout.level - room.layout.origin[1] + inset[group]
        frame_sizes[group] = (width, max(height, header)) if down else (max(width, header), height)

    frames: dict[str, Rect] = {}
    for group in chains:
        if group != ROOT:
            frames[group] = rooms[chains[group][-2]].rect(("frame", group))
            (left, top, _, _), (x, y) = frames[group], places[group, _ORIGIN]
            rooms[group].origin = (left + before - x, top + inset[group] - y)
    rects = np.array(
        [rooms[unit.around].rect(("unit", number)) for number, unit in enumerate(units)], dtype=float
    ).reshape(-1, 4)
    routes = [_route(line, rooms, frames) for line in lines]
    of_chip: dict[int, list[int]] = {}
    for number, line in enumerate(lines):
        if units[line.source].user is not None:
            of_chip.setdefault(line.source, []).append(number)
    for chip, numbers in of_chip.items():
        room = rooms[units[chip].around]
        free = max(room.labels.get(lines[number].pieces[0][1], (gap, 0.0))[0] for number in numbers)
        moved = _slide(chip, [routes[number] for number in numbers], room, rects, max(gap, free))
        for number, route in zip(numbers, moved, strict=True):
            routes[number] = route
    strands = tuple(
        Strand(line.source, line.target, tuple(line.wires), route) for line, route in zip(lines, routes, strict=True)
    )
    arrangement = Arrangement(tuple(units), rects, frames, strands, unit_of_card, places)
    return _exchanged(arrangement) if down else arrangement


def _exchanged(found: Arrangement) -> Arrangement:
    """With x and y exchanged; ``places`` are for the next run, which exchanges again."""
    return replace(
        found,
        rects=found.rects[:, [1, 0, 3, 2]],
        frames={group: (top, left, bottom, right) for group, (left, top, right, bottom) in found.frames.items()},
        strands=tuple(replace(strand, route=tuple((y, x) for x, y in strand.route)) for strand in found.strands),
    )


def _collect(
    group: str,
    groups: Mapping[str, Group],
    folded: frozenset[str],
    units: list[Unit],
    unit_of_card: dict[int, int],
    chains: dict[str, tuple[str, ...]],
) -> None:
    """Units of an open group and of those inside it."""
    for card in groups[group].cards:
        unit_of_card[card] = len(units)
        units.append(Unit(group, card))
    for inner in groups[group].groups:
        if inner in folded:
            todo = [inner]
            while todo:
                taken = groups[todo.pop()]
                unit_of_card.update(dict.fromkeys(taken.cards, len(units)))
                todo += taken.groups
            units.append(Unit(group, group=inner))
        else:
            chains[inner] = (*chains[group], inner)
            _collect(inner, groups, folded, units, unit_of_card, chains)


Uses = dict[int, dict[int, list[int]]]
"""User → value → wires."""


def _lines(graph: Graph, units: list[Unit], unit_of_card: dict[int, int]) -> tuple[list[_Line], Uses]:
    """Lines between units; apart, the uses of leaves that are folded into the first of the groups using them."""
    lines: list[_Line] = []
    again: Uses = {}
    bundles: dict[tuple[int, int, bool], _Line] = {}
    for wire in graph.wires:
        source, target = unit_of_card.get(wire.source), unit_of_card.get(wire.target)
        if source is None or target is None or source == target:
            continue
        key = (source, target, bool(wire.cut))
        if units[source].group and graph.cards[wire.source].leaf:
            again.setdefault(target, {}).setdefault(wire.source, []).append(wire.id)
        elif not (units[source].group or units[target].group):
            lines.append(_Line(source, target, [wire.id]))
        elif key in bundles:
            bundles[key].wires.append(wire.id)
        else:
            bundles[key] = _Line(source, target, [wire.id])
            lines.append(bundles[key])
    return lines, again


def _stand_ins(
    lines: list[_Line], again: Uses, units: list[Unit], graph: Graph, chains: dict[str, tuple[str, ...]]
) -> list[_Line]:
    """Draws a value used in many places again as a chip beside each further user.

    A weight used at each turn of a loop would otherwise send a line across the whole picture for each. Where several
    weights enter one folded group, one chip stands for all of them.
    """
    computed = {line.target for line in lines}
    users: dict[int, Counter[int]] = {}
    for line in lines:
        if not units[line.source].group:
            users.setdefault(line.source, Counter())[line.target] += len(line.wires)
    beside: dict[int, dict[str, list[int]]] = {}
    for source, found in users.items():
        card = units[source].card
        assert card is not None
        kind = "leaf" if graph.cards[card].leaf else "computed" if source in computed else "data"
        many = len(found) >= MANY_USERS if kind == "computed" else found.total() >= MANY_USES
        for user in list(found)[1:]:
            # A leaf is nothing that a module gives to others: it never sends a line out of a frame.
            if many or (kind == "leaf" and units[source].around not in chains[units[user].around]):
                beside.setdefault(user, {}).setdefault(kind, []).append(card)
    for user, uses in again.items():
        beside.setdefault(user, {}).setdefault("leaf", []).extend(uses)
    chips: dict[tuple[int | None, int], int] = {}
    for user, kinds in beside.items():
        for kind, shown in kinds.items():
            together = bool(units[user].group) and len(shown) >= TOGETHER and kind != "computed"
            for chip in [shown] if together else [[card] for card in shown]:
                chips.update(dict.fromkeys([(card, user) for card in chip], len(units)))
                units.append(Unit(units[user].around, chip[0], user=user, others=tuple(chip[1:])))
    for line in lines:
        line.source = chips.get((units[line.source].card, line.target), line.source)
    lines = lines + [
        _Line(chips[card, user], user, [wire]) for user, uses in again.items() for card in uses for wire in uses[card]
    ]
    kept: list[_Line] = []
    bundles: dict[tuple[int, int, bool], _Line] = {}
    for line in lines:
        key = (line.source, line.target, bool(graph.wires[line.wires[0]].cut))
        if units[line.source].user is not None and units[line.target].group and key in bundles:
            bundles[key].wires += line.wires
        else:
            bundles[key] = line
            kept.append(line)
    return kept


def _thread(line: _Line, units: list[Unit], chains: dict[str, tuple[str, ...]], rooms: dict[str, _Room]) -> None:
    """Leads a line out of the frames around its source and into those around its target, room by room."""
    ways = chains[units[line.source].around], chains[units[line.target].around]
    shared = 0
    while shared < min(map(len, ways)) and ways[0][shared] == ways[1][shared]:
        shared += 1
    at: Item = ("unit", line.source)
    for group in reversed(ways[0][shared:]):
        line.pieces.append((group, rooms[group].link(at, ("out", line.source))))
        at = ("frame", group)
    inner = ways[1][shared:]
    for group, frame in zip((ways[0][shared - 1], *inner), (*inner, None), strict=True):
        to: Item = ("unit", line.target) if frame is None else ("frame", frame)
        line.pieces.append((group, rooms[group].link(at, to)))
        at = ("in", line.source)
    for (group, link), (further, beyond) in pairwise(line.pieces):
        if rooms[group].ends[link][1][0] == "out":
            rooms[group].beyond[link] = (further, beyond)
        else:
            rooms[further].beyond[beyond] = (group, link)


def _route(line: _Line, rooms: dict[str, _Room], frames: dict[str, Rect]) -> tuple[Point, ...]:
    """The pieces of a line, joined at the frames' borders."""
    route: list[Point] = []
    for group, link in line.pieces:
        room = rooms[group]
        assert room.layout is not None
        dx, dy = room.origin
        piece = [(x + dx, y + dy) for x, y in room.layout.routes[link]]
        a, b = room.ends[link]
        if a[0] == "in":
            piece = [*_straight((frames[group][0], piece[0][1]), piece[0])[:-1], *piece]
        if b[0] == "out":
            piece = [*piece, *_straight(piece[-1], (frames[group][2], piece[-1][1]))[1:]]
        route += piece[1:] if route else piece
    return tuple(route)


def _slide(
    chip: int, routes: list[tuple[Point, ...]], room: _Room, rects: np.ndarray, free: float
) -> list[tuple[Point, ...]]:
    """Moves a chip to the edge of its column, along its own lines: a frame may make the column wide.

    Args:
        free: room that a line needs before the user.
    """
    left, _, right, _ = (float(edge) for edge in rects[chip])
    ends = [_level(route) for route in routes]
    edge = room.column((left + right) / 2)[1] - STUB
    edge = min(edge, *(min(route[end][0] - STUB, route[-1][0] - free) for route, end in zip(routes, ends, strict=True)))
    if edge < right + FAR:
        return routes
    rects[chip, [0, 2]] += edge - right
    return [
        (*_straight((edge, route[0][1]), route[end]), *route[end + 1 :])
        for route, end in zip(routes, ends, strict=True)
    ]


def _level(route: tuple[Point, ...]) -> int:
    """The point up to which a line runs level."""
    end = 0
    while end + 3 < len(route) and all(abs(y - route[0][1]) < 0.5 for _, y in route[end + 1 : end + 4]):
        end += 3
    return end


def _straight(a: Point, b: Point) -> list[Point]:
    third = (b[0] - a[0]) / 3
    return [a, (a[0] + third, a[1]), (b[0] - third, b[1]), b]
