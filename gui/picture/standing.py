"""Where everything in a picture stands, and what lies under a point of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np

from core.layout import Direction, Point
from core.playback import Index, Playback
from core.records import Trace
from gui.i18n import Words
from gui.picture import arrangement, cards, drawing, groups
from gui.picture.arrangement import Places, Strand
from gui.picture.cards import Graph
from gui.picture.contents import Contents
from gui.picture.course import Course, Oddities
from gui.picture.drawing import CUTTER, SEED_DROP, SEED_HEIGHT, Gallery
from gui.picture.groups import ROOT, Folding, Group
from gui.picture.names import Names
from gui.picture.seeds import Seed, Seeds
from gui.picture.shapes import Rect, bounds, inside, overlap, sample
from gui.picture.sizes import COLUMN_GAP, Sizes
from gui.picture.ways import Related, Ways

MARGIN = 20.0
NOTE = 26.0
"""Room above the picture for the line that says what is folded."""
FOLD = 30.0
"""Side of what folds and unfolds."""


@dataclass(frozen=True, slots=True)
class Hit:
    """What lies under a point.

    Attributes:
        kind: 'card'; 'group' a folded group; 'fold' what folds or unfolds one; 'wire'; 'bundle' all wires between a
            folded group and another box; 'seed'; 'chip' a value drawn again beside its user; 'scissors' of a card,
            which cut all its uses.
        card, wire, group: ids, where the kind has them (of a seed and a chip: the card they belong to).
        seed: of kind 'seed'.
        wires: of kind 'bundle'.
    """

    kind: Literal["card", "group", "fold", "wire", "bundle", "seed", "chip", "scissors"]
    card: int | None = None
    wire: int | None = None
    group: str | None = None
    seed: Seed | None = None
    wires: tuple[int, ...] = ()


class Standing:
    """The boxes, lines and open groups of a trace, and their places, the same at every moment.

    Args:
        folding: which groups are folded.
        previous: the picture shown before; what both show stays where it was, as far as it can.
        cancelled, progress: as in ``core.layout.arrange``, which may take a while.
        direction: where the program reads; gradients come back.

    Attributes:
        units, strands, frames: boxes, lines, and open groups with their frames.
        unit_of_card: card → the box that shows it.
        contents, names, ways, seeds_at, sizes, course, oddities, gallery: what else is known of them.
    """

    def __init__(
        self,
        trace: Trace,
        index: Index,
        folding: Folding | None = None,
        previous: Standing | None = None,
        cancelled: Callable[[], bool] | None = None,
        progress: Callable[[float], None] | None = None,
        direction: Direction = "right",
    ) -> None:
        self.direction: Direction = direction
        if previous is not None and previous.direction != direction:
            previous = None  # nothing stays where it was
        self.trace = trace
        self.index = index
        same = previous if previous is not None and previous.trace is trace else None
        other = previous if previous is not None and same is None else None
        self.graph: Graph = same.graph if same else cards.build(trace, index)
        self.gallery: Gallery = same.gallery if same else Gallery()
        self.ways: Ways = same.ways if same else Ways.of(trace, self.graph)
        self._fold(folding or Folding(), same, other)
        self.names = Names(trace, self.graph, self.groups)
        self.contents = Contents(trace, self.graph, self.groups)
        self.seeds_at = Seeds(trace, index, self.graph, self.contents)
        again = other if other is not None and cards.same_program(other.trace, trace) else None
        identity = cards.identities(self.graph, trace)
        self.sizes: Sizes = Sizes(
            trace, index, self.graph, self.groups, direction, self.names, self.contents, self.ways, self.seeds_at,
            self.gallery, identity, again.sizes.room if again else {},
        )  # fmt: skip
        placed = arrangement.arrange(
            self.graph, self.groups, self.folded, self.sizes.extent, self.sizes.header_width, COLUMN_GAP,
            self.sizes.label_room, cancelled, progress, identity, again.places if again else None, direction,
        )  # fmt: skip
        self.places: Places = placed.places
        self.units, self.frames, self.strands = placed.units, placed.frames, placed.strands
        self.unit_of_card = placed.unit_of_card
        self._rects: np.ndarray = placed.rects + self.sizes.insets(self.units)
        self._shift = (0.0, 0.0)
        if again:
            self._move(*again._shift)
        elif same:
            self._keep_in_place(same)
        self.strand_rects = np.array([bounds(strand.route) for strand in self.strands], dtype=float).reshape(-1, 4)
        self.course = Course(trace, index, self.graph, self.groups, self.contents, placed)
        self.oddities: Oddities = same.oddities if same else Oddities(trace, index, self.graph, self.gallery)
        self._shares: dict[tuple[int, ...], tuple[tuple[float, ...], ...]] = {}

    def _fold(self, folding: Folding, same: Standing | None, other: Standing | None) -> None:
        """Finds the groups, and which of them are folded; of another run, those that were seen to be."""
        self.groups: dict[str, Group]
        if same is not None and same.folding.helpers == folding.helpers:
            self.groups = same.groups
        else:
            self.groups = groups.build(self.trace, self.graph, folding.helpers)
        self.folded: frozenset[str] = groups.start(self.groups, folding)
        if other is not None and folding.depth is None:
            # One turn more does not roll up what is looked at.
            kept = other.groups.keys() & self.groups.keys() - folding.flipped
            self.folded = (self.folded - kept) | (other.folded & kept)
        self.folding: Folding = folding.settled(self.groups, self.folded)

    def _keep_in_place(self, previous: Standing) -> None:
        """Moves everything so that what was folded or unfolded, or else most cards, stays where it was."""
        differs = self.folded ^ previous.folded
        changed = [group for group in self.groups if group in differs and group in previous.groups]
        changed.sort(key=lambda group: group.count("/"))  # of several, the first of the outermost
        pairs = [(old[:2], new[:2]) for group in changed[:1]
                 if (old := previous._group_rect(group)) and (new := self._group_rect(group))]  # fmt: skip
        if not pairs:
            common = [card for card in self.unit_of_card if previous.shows(card)]
            pairs = [(previous.rect(card)[:2], self.rect(card)[:2]) for card in common]
        if pairs:
            self._move(*(float(np.median([old[axis] - new[axis] for old, new in pairs])) for axis in (0, 1)))

    def _move(self, dx: float, dy: float) -> None:
        self._shift = (self._shift[0] + dx, self._shift[1] + dy)
        self._rects = self._rects + np.array([dx, dy, dx, dy])
        self.frames = {g: (a + dx, b + dy, c + dx, d + dy) for g, (a, b, c, d) in self.frames.items()}
        self.strands = tuple(
            Strand(s.source, s.target, s.wires, tuple((x + dx, y + dy) for x, y in s.route)) for s in self.strands
        )

    def _group_rect(self, group: str) -> Rect | None:
        if group in self.frames:
            return self.frames[group]
        found = next((number for number, unit in enumerate(self.units) if unit.group == group), None)
        return None if found is None else self.unit_rect(found)

    # ── Places ────────────────────────────────────────────────────────────────────────────────────────────────────

    @property
    def rects(self) -> np.ndarray:
        """Left, top, right, bottom of every card and folded group that is drawn, in rows."""
        return self._rects

    @cached_property
    def frame_rects(self) -> np.ndarray:
        """The same of every open group."""
        return np.array(list(self.frames.values()), dtype=float).reshape(-1, 4)

    @cached_property
    def bounds(self) -> Rect:
        """Everything, with a margin."""
        if not self.units:
            return (0.0, 0.0, 1.0, 1.0)
        seeds = [self.seed_rect(unit) for unit in self.seeds_of_unit]
        rects = np.vstack([self._rects, *(np.array([rect]) for rect in [*self.frames.values(), *seeds])])
        left, top = rects[:, :2].min(axis=0) - MARGIN
        right, bottom = rects[:, 2:].max(axis=0) + MARGIN
        return (float(left), float(top) - (NOTE if self.folded else 0.0), float(right), float(bottom))

    def unit_rect(self, unit: int) -> Rect:
        """Where a box stands."""
        left, top, right, bottom = self._rects[unit]
        return (float(left), float(top), float(right), float(bottom))

    def rect(self, card: int) -> Rect:
        """Where a card is seen: its own place, or that of the folded group it is in."""
        unit = self.unit_of_card.get(card)
        return self.unit_rect(unit) if unit is not None else (0.0, 0.0, 0.0, 0.0)

    def route(self, wire: int) -> tuple[Point, ...]:
        """The line that shows a wire; () for one inside a folded group."""
        return next((strand.route for strand in self.strands if wire in strand.wires), ())

    def scissors_rect(self, unit: int) -> Rect:
        """Where a card has the scissors that cut all uses of its value."""
        _, top, right, _ = self.unit_rect(unit)
        return (right - CUTTER - 6, top + 6, right - 6, top + 6 + CUTTER)

    def seed_rect(self, unit: int) -> Rect:
        """Where the seed of a box stands."""
        left, top, right, bottom = self.unit_rect(unit)
        width = self.seeds_at.width(self.units[unit])
        if not self.sizes.overhang(self.units[unit])[3]:
            x, y = right + SEED_DROP, (top + bottom - SEED_HEIGHT) / 2
        else:
            x, y = (left + right - width) / 2, bottom + SEED_DROP
        return (x, y, x + width, y + SEED_HEIGHT)

    def shares(self, strand: Strand, width: float, ends: tuple[float, float]) -> tuple[tuple[float, ...], ...]:
        """Places along a line for what lies on it, the best first: those that are its own, and the others.

        Args:
            ends: lengths at both ends of the line that are not free.
        """
        number = strand.wires[0]
        key = (number, round(width), *map(round, ends))
        if key not in self._shares:
            left, top, right, bottom = bounds(strand.route)
            around = drawing.HEAD_ROOM + width / 2
            near = inside(self.strand_rects, (left - around, top - around, right + around, bottom + around))
            others = [other.route for place in np.nonzero(near)[0] if (other := self.strands[place]) is not strand]
            shares: Sequence[float] = drawing.SHARES
            if self.direction == "down":
                wire = self.graph.wires[number]
                beside = self.ways.alongside.get((wire.source, wire.target), ())
                shares = drawing.standing_shares(
                    strand.route, others, width, beside.index(number) if number in beside else 0, len(beside)
                )
            own = drawing.own_places(strand.route, shares, ends, width, others)
            self._shares[key] = (
                tuple(share for share, mine in zip(shares, own, strict=True) if mine),
                tuple(share for share, mine in zip(shares, own, strict=True) if not mine),
            )
        return self._shares[key]

    # ── What is shown ─────────────────────────────────────────────────────────────────────────────────────────────

    def shows(self, card: int) -> bool:
        """Whether a card is drawn, itself or within a folded group; helpers may not be."""
        return card in self.unit_of_card

    def group_of(self, card: int) -> str:
        """The folded group that a card is hidden in; '' where it is drawn itself."""
        unit = self.unit_of_card.get(card)
        return self.units[unit].group if unit is not None else ""

    def frame_of(self, card: int) -> str:
        """The innermost open group around a card; '' where there is none."""
        around = (group for group in self.frames if card in self.contents.cards(group))
        return max(around, key=lambda group: group.count("/"), default="")

    def group_at(self, unit: int) -> Group:
        """The folded group that a box is; of a card, the whole picture."""
        return self.groups[self.units[unit].group]

    def related(self, card: int) -> Related:
        """Everything a card, or the folded group it is in, was computed from and everything computed from it."""
        return self.ways.related(self.seen_with(card))

    def seen_with(self, card: int) -> tuple[int, ...]:
        """The cards that are seen where a card is: itself, or all of the folded group it is in."""
        group = self.group_of(card)
        return (group and self.contents.cards(group)) or (card,)

    def search(self, text: str) -> tuple[int, ...]:
        """Cards that are drawn, by what they are called; see ``Names.search``."""
        return tuple(card for card in self.names.search(text) if self.shows(card))

    def operations(self, group: str) -> int:
        """How many operations a group holds; leaves and data are none."""
        return self.contents.operations(group)

    def note(self, words: Words) -> str:
        """What is not drawn because it is folded; '' when everything is."""
        if not self.folded:
            return ""
        shown = sum(unit.user is None for unit in self.units)
        return words("picture.folded", all=self.groups[ROOT].size, shown=shown)

    @property
    def seeds(self) -> tuple[Seed, ...]:
        """All seeds of the trace."""
        return self.seeds_at.all

    @cached_property
    def seeds_of_unit(self) -> dict[int, list[Seed]]:
        """Boxes that have seeds."""
        return {number: seeds for number, unit in enumerate(self.units) if (seeds := self.seeds_at.at(unit))}

    def seed_now(self, unit: int, playback: Playback) -> Seed | None:
        """The seed shown at a box: of the pass that began last."""
        return self.seeds_at.now(self.seeds_of_unit[unit], playback)

    def can_cut(self, card: int) -> bool:
        """Whether gradients come back to a card through uses of its value."""
        return self.graph.cards[card].tracked and bool(self.ways.back.get(card))

    def later(self, playback: Playback) -> bool:
        """Whether more than one pass has begun."""
        return self.course.later(playback)

    def current_card(self, playback: Playback) -> int | None:
        """The drawn card that the last event is about, or the one that is told part by part."""
        card = self.card_now(playback)
        return card if card is not None and self.shows(card) else None

    def card_now(self, playback: Playback) -> int | None:
        """The same, whether it is drawn or not."""
        event = playback.event
        if playback.part and playback.upcoming is not None:
            return self.graph.card_of_node.get(playback.upcoming)
        if event is None:
            return None
        if playback.at_end and self.oddities.failing is not None:
            return self.oddities.failing  # what went wrong, though nothing of it could be recorded
        if playback.node is not None:
            return self.graph.card_of_node.get(playback.node)
        if event.op is not None:
            return self.graph.card_of_op.get(event.op)
        if event.value is not None:
            return self.graph.card_of_value.get(event.value)
        if event.pass_ is not None and event.kind == "pass":
            return next((seed.card for seed in self.seeds if seed.pass_ == event.pass_), None)
        return None

    # ── Under a point ─────────────────────────────────────────────────────────────────────────────────────────────

    def hit(self, x: float, y: float, playback: Playback, tolerance: float = 7.0) -> Hit | None:
        """What lies under a point at this moment; lines from ``tolerance`` away."""
        point = (x, y, x, y)
        for number in self.seeds_of_unit:
            seed = self.seed_now(number, playback)
            if seed is not None and overlap(self.seed_rect(number), point):
                return Hit("seed", card=seed.card, seed=seed)
        for number in map(int, np.nonzero(inside(self._rects, point) & (self.course.born < playback.cursor))[0]):
            unit = self.units[number]
            left, top, _, _ = self.unit_rect(number)
            if unit.group:
                fold = x < left + FOLD and y < top + FOLD
                return Hit("fold" if fold else "group", group=unit.group)
            if unit.user is not None:
                return Hit("chip", card=unit.card, wire=self._wire_between(number, unit.user))
            assert unit.card is not None
            if self.can_cut(unit.card) and overlap(self.scissors_rect(number), point):
                return Hit("scissors", card=unit.card)
            return Hit("card", card=unit.card)
        header = self._header_at(x, y)
        if header is not None:
            return Hit("fold", group=header)
        strand = self._strand_at(x, y, playback, tolerance)
        if strand is None:
            return None
        if len(strand.wires) == 1:
            return Hit("wire", wire=strand.wires[0])
        group = self.units[strand.source].group or self.units[strand.target].group
        return Hit("bundle", group=group, wires=strand.wires)

    def _header_at(self, x: float, y: float) -> str | None:
        for group in reversed(self.frames):
            left, top, right, _ = self.frames[group]
            title = self.sizes.header_width(group)
            if left <= x <= min(right, left + title) and top <= y <= top + arrangement.TOP - 4:
                return group
        return None

    def _strand_at(self, x: float, y: float, playback: Playback, tolerance: float) -> Strand | None:
        near = (x - tolerance, y - tolerance, x + tolerance, y + tolerance)
        best, closest = None, tolerance
        for place in np.nonzero(inside(self.strand_rects, near) & (self.course.strands_born < playback.cursor))[0]:
            away = float(np.min(np.hypot(*(sample(self.strands[place].route) - (x, y)).T)))
            if away <= closest:
                best, closest = self.strands[place], away
        return best

    def _wire_between(self, source: int, target: int) -> int | None:
        return next((s.wires[0] for s in self.strands if (s.source, s.target) == (source, target)), None)
