"""A trace, its folding and a moment → the scene; where everything in it stands. Knows neither Tk nor matplotlib."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from math import ceil
from typing import Literal

import numpy as np

from core.layout import Direction, Point, Size
from core.playback import NEVER, Index, NodeKey, Playback, add
from core.records import Step, TensorSnapshot, Trace
from gui import arrangement, cards, drawing, figures, groups, loops, results
from gui.arrangement import Extent, Places, Strand, Unit
from gui.cards import Card, Graph, Wire
from gui.drawing import CHIP, HEAD, NARROWEST, PAD, ROW, SEED_DROP, SEED_HEIGHT, WIDEST, Face, Row, Shown
from gui.groups import ROOT, Folding, Group
from gui.i18n import LANGUAGES, Words
from gui.i18n import words as words_of
from gui.shapes import (
    BODY,
    SMALL,
    TITLE,
    Box,
    Boxes,
    Curve,
    Curves,
    Label,
    Raster,
    Rect,
    Scene,
    Shape,
    Sheet,
    bounds,
    head_length,
    inside,
    label_rect,
    overlap,
    places_along,
    polyline,
    sample,
    text_width,
)

__all__ = [
    "READABLE", "Box", "Boxes", "Curve", "Curves", "Hit", "Label", "Picture", "Raster", "Rect", "Related", "Scene",
    "Seed", "Shape", "legend", "text_width",
]  # fmt: skip

READABLE = 0.42
"""Below this scale cards show their names only, as large as they can be read."""
OUTLINES = 0.14
"""Below this scale cards are plain rectangles, and few lines are drawn."""
CHIP_BUDGET = 80
"""Contributions drawn at once; where there are more, those of the current and of the chosen card."""
STRANDS_AFAR = 3000
CUTS_AFAR = 200
"""Cut lines that are dashed one by one; where there are more, they could not be told apart."""
FAR_ROOM = (24.0, 12.0)
"""Pixels that a box must measure to bear its name."""
MARK = 13.0
"""Pixels that a mark takes up; no two are drawn in the same place."""
COLUMN_GAP = 48.0
"""Room between two columns where nothing lies on the lines between them."""
LABEL_ROOM = 42.0
"""Room that a contribution's frame, the line on both sides of it and the head of the line take."""
STANDING_ROOM = 52.0
"""The same where lines run down."""
CARD_STEP, LABEL_STEP = 20.0, 32.0
"""Steps in which cards grow, and the room for contributions: a digit more shall not move the picture."""
LABEL_LEAST = 72.0
"""The least room for a contribution: two short numbers."""
PARTIAL_SUMS = 32
"""Partial sums by which a leaf is measured; more would be costly and are as long as these."""
CHIP_GAP, CLEAR = 7.0, 3.0
"""Room between two contributions, one above the other, and the least room around each."""
MARGIN = 20.0
NOTE = 26.0
"""Room above the picture for the line that says what is folded."""
FOLD = 30.0
"""Side of what folds and unfolds."""
CUTTER = 18.0
SMALLEST_FRAME = 24.0
"""Pixels below which an open group's frame is not drawn."""


@dataclass(frozen=True, slots=True)
class Seed:
    """The seed of one pass at one card; ``slots`` are positions in ``Pass.seeds``."""

    pass_: int
    slots: tuple[int, ...]
    card: int


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


@dataclass(frozen=True, slots=True)
class Related:
    """What a card depends on and what depends on it: ids of cards, and of the wires between them."""

    ancestors: frozenset[int] = frozenset()
    descendants: frozenset[int] = frozenset()
    wires: frozenset[int] = frozenset()


class Picture:
    """The picture of a trace: boxes and places are fixed, ``scene`` shows them at any moment.

    Args:
        folding: which groups are folded.
        previous: the picture shown before; what both show stays where it was, as far as it can.
        cancelled, progress: as in ``core.layout.arrange``, which may take a while.
        direction: where the program reads; gradients come back.
    """

    def __init__(
        self,
        trace: Trace,
        index: Index,
        folding: Folding | None = None,
        previous: Picture | None = None,
        cancelled: Callable[[], bool] | None = None,
        progress: Callable[[float], None] | None = None,
        direction: Direction = "right",
    ) -> None:
        self.direction: Direction = direction
        if previous is not None and previous.direction != direction:
            previous = None  # nothing stays where it was
        self.trace = trace
        self.index = index
        self.folding = folding or Folding()
        same = previous is not None and previous.trace is trace
        self.graph: Graph = previous.graph if previous is not None and same else cards.build(trace, index)
        self.groups: dict[str, Group]
        if previous is not None and same and previous.folding.helpers == self.folding.helpers:
            self.groups = previous.groups
        else:
            self.groups = groups.build(trace, self.graph, self.folding.helpers)
        self.folded = groups.start(self.groups, self.folding)
        if previous is not None and not same and self.folding.depth is None:
            # One turn more does not roll up what is looked at.
            kept = previous.groups.keys() & self.groups.keys() - self.folding.flipped
            self.folded = (self.folded - kept) | (previous.folded & kept)
        self.folding = self.folding.settled(self.groups, self.folded)
        self._shown_tensors: dict[int, tuple[TensorSnapshot, Shown]] = (
            previous._shown_tensors if previous is not None and same else {}
        )
        self._sizes: dict[Unit, tuple[Size, float, tuple[float, ...]]] = {}
        self.seeds = self._find_seeds()
        self._seeds_of_card: dict[int, list[Seed]] = {}
        for seed in self.seeds:
            self._seeds_of_card.setdefault(seed.card, []).append(seed)
        self._cards_in = {group: self._all_cards(group) for group in self.folded}
        other_run = previous is not None and not same and cards.same_program(previous.trace, trace)
        self._identity = cards.identities(self.graph, trace)
        self._room: dict[Hashable, float] = dict(previous._room) if previous is not None and other_run else {}
        placed = arrangement.arrange(
            self.graph, self.groups, self.folded, self._extent, self._header_width, COLUMN_GAP, self._label_room,
            cancelled, progress, self._identity, previous.places if previous is not None and other_run else None,
            direction,
        )  # fmt: skip
        self.places: Places = placed.places
        self.units, self.frames, self.strands = placed.units, placed.frames, placed.strands
        self._unit_of_card = placed.unit_of_card
        self._rects: np.ndarray = placed.rects + self._insets()
        self._shift = (0.0, 0.0)
        if previous is not None and other_run:
            self._move(*previous._shift)
        elif previous is not None and same:
            self._keep_in_place(previous)
        self._strand_rects = np.array([bounds(strand.route) for strand in self.strands], dtype=float).reshape(-1, 4)
        births = np.array([self._birth(card) for card in self.graph.cards], dtype=np.int64)
        self._born = np.array([self._unit_birth(unit, births) for unit in self.units], dtype=np.int64)
        self._strand_born = np.array([self._strand_birth(strand, births) for strand in self.strands], dtype=np.int64)
        self._own = np.array([unit.user is None for unit in self.units], dtype=bool)
        self._leaf = np.array(
            [unit.card is not None and self.graph.cards[unit.card].leaf for unit in self.units], dtype=bool
        )
        self._seed_units = {
            number: seeds for number, unit in enumerate(self.units) if (seeds := self._seeds_in(unit))
        }  # fmt: skip
        self._failing = self._failing_card()
        self._odd: dict[int, list[list[tuple[int, bool]]]]
        self._odd = previous._odd if previous is not None and same else self._find_odd()
        self._flows: dict[tuple[str, int], tuple[np.ndarray, np.ndarray, np.ndarray]] = {}

    # ── Where things are ──────────────────────────────────────────────────────────────────────────────────────────

    @property
    def rects(self) -> np.ndarray:
        """Left, top, right, bottom of every card and folded group that is drawn, in rows."""
        return self._rects

    @cached_property
    def bounds(self) -> Rect:
        """Everything, with a margin."""
        if not self.units:
            return (0.0, 0.0, 1.0, 1.0)
        seeds = [self._seed_rect(unit) for unit in self._seed_units]
        rects = np.vstack([self._rects, *(np.array([rect]) for rect in [*self.frames.values(), *seeds])])
        left, top = rects[:, :2].min(axis=0) - MARGIN
        right, bottom = rects[:, 2:].max(axis=0) + MARGIN
        return (float(left), float(top) - (NOTE if self.folded else 0.0), float(right), float(bottom))

    def rect(self, card: int) -> Rect:
        """Where a card is seen: its own place, or that of the folded group it is in."""
        unit = self._unit_of_card.get(card)
        return self._unit_rect(unit) if unit is not None else (0.0, 0.0, 0.0, 0.0)

    def route(self, wire: int) -> tuple[Point, ...]:
        """The line that shows a wire; () for one inside a folded group."""
        return next((strand.route for strand in self.strands if wire in strand.wires), ())

    def shows(self, card: int) -> bool:
        """Whether a card is drawn, itself or within a folded group; helpers may not be."""
        return card in self._unit_of_card

    def group_of(self, card: int) -> str:
        """The folded group that a card is hidden in; '' where it is drawn itself."""
        unit = self._unit_of_card.get(card)
        return self.units[unit].group if unit is not None else ""

    def hit(self, x: float, y: float, playback: Playback, tolerance: float = 7.0) -> Hit | None:
        """What lies under a point at this moment; lines from ``tolerance`` away."""
        point = (x, y, x, y)
        for number in self._seed_units:
            seed = self._seed_now(number, playback)
            if seed is not None and overlap(self._seed_rect(number), point):
                return Hit("seed", card=seed.card, seed=seed)
        for number in map(int, np.nonzero(inside(self._rects, point) & (self._born < playback.cursor))[0]):
            unit = self.units[number]
            left, top, _, _ = self._unit_rect(number)
            if unit.group:
                fold = x < left + FOLD and y < top + FOLD
                return Hit("fold" if fold else "group", group=unit.group)
            if unit.user is not None:
                return Hit("chip", card=unit.card, wire=self._wire_between(number, unit.user))
            assert unit.card is not None
            if self._can_cut(unit.card) and overlap(self._scissors_rect(number), point):
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

    def related(self, card: int) -> Related:
        """Everything a card, or the folded group it is in, was computed from and everything computed from it."""
        start = self._cards_in.get(self.group_of(card)) or (card,)
        wires: set[int] = set()
        found: list[frozenset[int]] = []
        for ways, end in zip(self._ways, ("source", "target"), strict=True):
            seen, todo = set(start), list(start)
            while todo:
                for wire in ways.get(todo.pop(), ()):
                    wires.add(wire.id)
                    other: int = getattr(wire, end)
                    if other not in seen:
                        seen.add(other)
                        todo.append(other)
            found.append(frozenset(seen.difference(start)))
        return Related(found[0], found[1], frozenset(wires))

    @cached_property
    def _ways(self) -> tuple[dict[int, list[Wire]], dict[int, list[Wire]]]:
        """Wires by the card they end at, and by the card they begin at."""
        up: dict[int, list[Wire]] = {}
        down: dict[int, list[Wire]] = {}
        for wire in self.graph.wires:
            up.setdefault(wire.target, []).append(wire)
            down.setdefault(wire.source, []).append(wire)
        return up, down

    def search(self, text: str) -> tuple[int, ...]:
        """Cards by name, expression, node name, ``line 12`` or ``:12``, or shape such as ``[4, 3]`` or ``4×3``.

        Those that are called exactly so come first.
        """
        wanted = " ".join(text.lower().split())
        if not wanted:
            return ()
        line = re.fullmatch(r"(?:line |:|第 ?)(\d+)(?: ?行)?", wanted)
        sizes = re.fullmatch(r"[\[(]?\s*(\d+(?:\s*[,×x]\s*\d+)*)\s*,?\s*[\])]?", wanted)
        shape = tuple(map(int, re.findall(r"\d+", sizes[1]))) if sizes and not wanted.isdigit() else None
        found = []
        for card in self.graph.cards:
            if not self.shows(card.id):
                continue
            op = None if card.op is None else self.trace.ops[card.op]
            if line:
                match = op is not None and op.line == int(line[1])
            elif shape is not None:
                match = any(self.trace.values[value].shape == shape for value in card.values)
            else:
                match = any(wanted in said for said in self._said(card))
            if match:
                found.append((wanted not in self._said(card), card.id))
        return tuple(card for _, card in sorted(found))

    def _said(self, card: Card) -> list[str]:
        """Everything a card may be looked for by, in small letters."""
        op = None if card.op is None else self.trace.ops[card.op]
        said = [card.title, self._node_name(card)]
        said += [name for value in card.values for name in self.trace.values[value].names]
        said += [self.trace.passes[number].nodes[node].name for number, node in card.nodes]
        if op is not None:
            said += [op.text, op.name, op.module or ""]
        return [" ".join(part.lower().split()) for part in said]

    def card_at(self, x: float, y: float, playback: Playback) -> int | None:
        """The visible card under a point."""
        hit = self.hit(x, y, playback, 0.0)
        return hit.card if hit is not None and hit.kind in ("card", "chip", "scissors") else None

    def current_card(self, playback: Playback) -> int | None:
        """The drawn card that the last event is about."""
        card = self._card_of_event(playback)
        return card if card is not None and self.shows(card) else None

    def _card_of_event(self, playback: Playback) -> int | None:
        event = playback.event
        if event is None:
            return None
        if playback.at_end and self._failing is not None:
            return self._failing  # what went wrong, though nothing of it could be recorded
        if playback.node is not None:
            return self.graph.card_of_node.get(playback.node)
        if event.op is not None:
            return self.graph.card_of_op.get(event.op)
        if event.value is not None:
            return self.graph.card_of_value.get(event.value)
        if event.pass_ is not None and event.kind == "pass":
            return next((seed.card for seed in self.seeds if seed.pass_ == event.pass_), None)
        return None

    def note(self, words: Words) -> str:
        """What is not drawn because it is folded; '' when everything is."""
        if not self.folded:
            return ""
        return words("picture.folded", all=self.groups[ROOT].size, shown=int(self._own.sum()))

    def _header_at(self, x: float, y: float) -> str | None:
        for group in reversed(self.frames):
            left, top, right, _ = self.frames[group]
            title = text_width(f"▾ {self._title(self.groups[group])}", TITLE) + 2 * PAD
            if left <= x <= min(right, left + title) and top <= y <= top + arrangement.TOP - 4:
                return group
        return None

    def _strand_at(self, x: float, y: float, playback: Playback, tolerance: float) -> Strand | None:
        near = (x - tolerance, y - tolerance, x + tolerance, y + tolerance)
        best, closest = None, tolerance
        for place in np.nonzero(inside(self._strand_rects, near) & (self._strand_born < playback.cursor))[0]:
            away = float(np.min(np.hypot(*(sample(self.strands[place].route) - (x, y)).T)))
            if away <= closest:
                best, closest = self.strands[place], away
        return best

    def _wire_between(self, source: int, target: int) -> int | None:
        return next((s.wires[0] for s in self.strands if (s.source, s.target) == (source, target)), None)

    def _unit_rect(self, unit: int) -> Rect:
        left, top, right, bottom = self._rects[unit]
        return (float(left), float(top), float(right), float(bottom))

    def _scissors_rect(self, unit: int) -> Rect:
        _, top, right, _ = self._unit_rect(unit)
        return (right - CUTTER - 6, top + 6, right - 6, top + 6 + CUTTER)

    def _can_cut(self, card: int) -> bool:
        """Whether gradients come back to a card through uses of its value."""
        return self.graph.cards[card].tracked and bool(self._outgoing.get(card))

    @cached_property
    def _outgoing(self) -> dict[int, list[Wire]]:
        found: dict[int, list[Wire]] = {}
        for wire in self.graph.wires:
            if wire.value is not None and (wire.cut == "cut" or self.trace.values[wire.value].requires_grad):
                found.setdefault(wire.source, []).append(wire)
        return found

    def _keep_in_place(self, previous: Picture) -> None:
        """Moves everything so that what was folded or unfolded, or else most cards, stays where it was."""
        changed = [g for g in (self.folded ^ previous.folded) if g in self.groups and g in previous.groups]
        changed.sort(key=lambda group: group.count("/"))
        pairs = [(old[:2], new[:2]) for group in changed[:1]
                 if (old := previous._group_rect(group)) and (new := self._group_rect(group))]  # fmt: skip
        if not pairs:
            common = [card for card in self._unit_of_card if previous.shows(card)]
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
        return None if found is None else self._unit_rect(found)

    # ── When things are there ─────────────────────────────────────────────────────────────────────────────────────

    def _birth(self, card: Card) -> int:
        """Position of the event that brings a card."""
        if card.failed:
            return len(self.trace.events) - 1
        if card.op is not None:
            return self.index.op_at.get(card.op, NEVER)
        if card.values:
            return min(self.index.value_at.get(value, 0) for value in card.values)
        return min((self.index.pass_at.get(number, NEVER) for number, _ in card.nodes), default=NEVER)

    def _unit_birth(self, unit: Unit, births: np.ndarray) -> int:
        if unit.group:
            return int(births[list(self._cards_in[unit.group])].min(initial=NEVER))
        assert unit.card is not None
        born = int(births[unit.card])
        if unit.user is not None:
            born = max(born, self._unit_birth(self.units[unit.user], births))
        return born

    def _strand_birth(self, strand: Strand, births: np.ndarray) -> int:
        wires = [self.graph.wires[wire] for wire in strand.wires]
        return int(min(max(births[wire.source], births[wire.target]) for wire in wires))

    def _all_cards(self, group: str) -> tuple[int, ...]:
        inner = [card for name in self.groups[group].groups for card in self._all_cards(name)]
        return (*self.groups[group].cards, *inner)

    def _turns(self, group: str) -> dict[int, int]:
        """Cards of a loop, or of some of its turns, or of a row of equal blocks → in which of them they are, from 1."""
        if group not in self._turns_of_cards:
            found: dict[int, int] = {}
            numbered = 0
            for inner in self.groups[group].groups if self.groups[group].count > 1 else ():
                if self.groups[inner].count > 1 and self.groups[inner].kind == "turn":
                    found.update((card, numbered + turn) for card, turn in self._turns(inner).items())
                else:
                    found.update(dict.fromkeys(self._all_cards(inner), numbered + 1))
                numbered += self.groups[inner].count if self.groups[inner].kind == "turn" else 1
            self._turns_of_cards[group] = found
        return self._turns_of_cards[group]

    @cached_property
    def _turns_of_cards(self) -> dict[str, dict[int, int]]:
        return {}

    def operations(self, group: str) -> int:
        """How many operations a group holds; leaves and data are none."""
        if group not in self._operation_counts:
            held = (self.graph.cards[card] for card in self._all_cards(group))
            count = sum(not card.leaf and (bool(card.nodes) or self._has_inputs(card)) for card in held)
            self._operation_counts[group] = count
        return self._operation_counts[group]

    @cached_property
    def _operation_counts(self) -> dict[str, int]:
        return {}

    def _has_inputs(self, card: Card) -> bool:
        return card.op is not None and bool(self.trace.ops[card.op].inputs)

    def _failing_card(self) -> int | None:
        error = self.trace.error
        if error is not None and error.node is not None:
            return self.graph.card_of_node.get(error.node)
        return None

    # ── Sizes: of what a card will ever say, so that nothing moves while stepping ─────────────────────────────────

    def _show(self, snapshots: Iterable[TensorSnapshot | None]) -> Shown:
        """How tensors are drawn; of one recorded tensor it is found out once."""
        listed = list(snapshots)
        if len(listed) != 1 or listed[0] is None:
            return drawing.show(listed)
        only = listed[0]
        known = self._shown_tensors.get(id(only))
        if known is None or known[0] is not only:
            if len(self._shown_tensors) > 20_000:
                self._shown_tensors.clear()
            known = self._shown_tensors[id(only)] = (only, drawing.show(listed))
        return known[1]

    def _extent(self, unit: Unit) -> Extent:
        """What a box takes up, with what stands out around it."""
        (width, height), port, _ = self._size(unit)
        left, top, right, bottom = self._overhang(unit)
        down = self.direction == "down"
        return Extent(
            left + width + right, top + height + bottom,
            axis=left + width / 2 if down else top + height / 2, port=width if down else port,
        )  # fmt: skip

    def _overhang(self, unit: Unit) -> Rect:
        """How far the pile behind a group and the seed of a root stand out on each side of the box.

        So does the contribution to a value drawn again, where lines run down.
        """
        if unit not in self._overhangs:
            self._overhangs[unit] = self._find_overhang(unit)
        return self._overhangs[unit]

    @cached_property
    def _overhangs(self) -> dict[Unit, Rect]:
        return {}

    def _find_overhang(self, unit: Unit) -> Rect:
        if unit.user is not None and unit.card is not None:
            widest = self._widest.get(unit.card, 0.0) if self.direction == "down" else 0.0
            aside = max(0.0, (widest - self._size(unit)[0][0]) / 2)
            return (aside, 0.0, aside, 0.0)
        top = right = drawing.PILE if unit.group and self.groups[unit.group].count > 1 else 0.0
        if not self._seeds_in(unit):
            return (0.0, top, right, 0.0)
        if self.direction == "down" and self._is_used(unit):
            return (0.0, top, SEED_DROP + self._seed_width(unit), 0.0)
        return (0.0, top, right, SEED_DROP + SEED_HEIGHT)

    def _insets(self) -> np.ndarray:
        """From what every box takes up to the box itself."""
        overhangs = np.array([self._overhang(unit) for unit in self.units], dtype=float).reshape(-1, 4)
        overhangs[:, 2:] *= -1
        return overhangs

    def _size(self, unit: Unit) -> tuple[Size, float, tuple[float, ...]]:
        """Size, height where lines may end, and heights of the rows."""
        if unit not in self._sizes:
            self._sizes[unit] = self._measure(unit)
        return self._sizes[unit]

    def _measure(self, unit: Unit) -> tuple[Size, float, tuple[float, ...]]:
        if unit.group:
            group = self.groups[unit.group]
            # As wide for nine turns as for ten, so that nothing moves when a run has one more.
            pill = text_width(f"×{group.count:03}", SMALL) + 26 if group.count > 1 else 0
            width = max(
                text_width(f"▸ {self._title(group)}", TITLE) + pill + 2 * PAD,
                drawing.NARROWEST_GROUP,
                self._seed_width(unit),
            )
            return (width, drawing.GROUP_HEIGHT), drawing.GROUP_HEIGHT, ()
        assert unit.card is not None
        card = self.graph.cards[unit.card]
        if unit.user is not None:
            return (text_width(self._card_title(unit), BODY) + 2 * PAD, CHIP + 5), CHIP, ()
        cutter = CUTTER if card.tracked or card.failed else 0.0
        widths = [text_width(self._card_title(unit), TITLE) + cutter]
        widths += [text_width(text, SMALL, False) for text in self._subtitles(card)]
        heights: list[float] = []
        if card.values:
            shown = [
                self._show(self.trace.values[value].tensor for value in version) for version in results.versions(card)
            ]
            widths += [one.width + 44 for one in shown]
            heights.append(max(one.height for one in shown))
        if card.tracked:
            grads = [self._show(held) for held in self._ever_held(card)]
            history = (
                self.index.grads.get(self.index.leaf_of.get(card.values[-1], card.values[-1])) if card.leaf else None
            )
            grads += [self._show([grad]) for grad in (history.states if history else ())]
            widths += [one.width + (50 if card.leaf else 30) for one in grads]
            heights.append(max((one.height for one in grads), default=ROW))
        width = CARD_STEP * ceil(max(NARROWEST, self._seed_width(unit), max(widths) + 2 * PAD) / CARD_STEP)
        width = self._not_less(self._identity[unit.card], width)
        size = (min(WIDEST, width), HEAD + sum(heights))
        # Lines of one card stand apart by at least a contribution's height, as far as the card is high enough.
        return size, size[1] * 1.15, tuple(heights)

    def _not_less(self, name: Hashable, room: float) -> float:
        """Room that something has in the picture: what it had before, and more where it needs more."""
        self._room[name] = room = max(room, self._room.get(name, 0.0))
        return room

    def _subtitles(self, card: Card) -> list[str]:
        """What the second line of a card may ever say, in every language."""
        said = [self._node_name(card), *{self._node_name(card, key) for key in card.nodes}]
        paths = max(map(self.index.expected, card.nodes), default=0)
        history = self.index.grads.get(self.index.leaf_of.get(card.values[-1], card.values[-1])) if card.leaf else None
        before = [drawing.short(grad) for grad in (history.initial, *history.states[:-1])] if history else []
        sums = self._partial_sums(card)
        for language in map(words_of, LANGUAGES):
            counted = language("card.paths", done=paths, all=paths)
            said += [counted] if paths > 1 else []
            said += [f"{counted} · v {text}" for text in sums]
            said += [language("card.healed")] if card.healed else []
            said += [language("card.before", grad=text) for text in before]
        hooks = {step.altered for step in self._steps(card)} - {""}
        told = [f"{text}  {language(f'card.hook.{how}')}" for language in map(words_of, LANGUAGES)
                for text in said for how in hooks]  # fmt: skip
        return said + told

    def _partial_sums(self, card: Card) -> list[str]:
        """What a leaf says of the first contributions to it while it waits for the rest."""
        found: list[str] = []
        for key in card.nodes if card.leaf else ():
            total = None
            count = min(PARTIAL_SUMS - len(found), self.index.expected(key) - 1)
            for contribution in self.index.inflow(key)[: max(0, count)]:
                total = add(total, contribution.tensor)
                found.append(drawing.contribution(total))
        return found

    def _steps(self, card: Card) -> list[Step]:
        """Of a card's nodes, in every pass."""
        found = ((number, self.index.step_of.get((number, node))) for number, node in card.nodes)
        return [self.trace.passes[number].steps[step] for number, step in found if step is not None]

    def _ever_held(self, card: Card) -> list[tuple[TensorSnapshot | None, ...]]:
        """What a card ever shows as v: of each of its nodes, and of all results together."""
        found = [step.grad_outputs for step in self._steps(card)]
        if len(card.results) > 1 and len(found) > 1:
            end = Playback(self.trace, len(self.trace.events), index=self.index)
            found += [tuple(results.gradients(end, card, number)) for number in {key[0] for key in card.nodes}]
        return found + [part for held in found if len(held) > 1 for part in _parts(held)]

    def _header_width(self, group: str) -> float:
        if group == ROOT:
            return 0.0
        return text_width(f"▾ {self._title(self.groups[group])}", TITLE) + 2 * PAD

    def _label_room(self, wires: Sequence[int]) -> Size:
        """Room along and across a line for the widest contribution that ever lies on it; a bundle shows none.

        In coarse steps, and the same for a cut line: a what-if that changes a digit shall not move the cards.
        """
        wire = self.graph.wires[wires[0]]
        if len(wires) != 1 or not (wire.passages or wire.cut):
            return (0.0, 0.0)
        width = self._label_width(wire)
        if self.direction == "right":
            return (width + LABEL_ROOM, CHIP)
        # What lies on lines that run side by side stands one above the other.
        return (
            len(self._alongside[wire.source, wire.target]) * (CHIP + CHIP_GAP) + STANDING_ROOM,
            width + 2 * drawing.CHIP_PAD,
        )

    def _label_width(self, wire: Wire) -> float:
        """Width of the widest contribution that ever lies on a line, in coarse steps."""
        widest = LABEL_LEAST
        for passage in wire.passages:
            step = self.index.step_of.get(passage.source)
            emitted = () if step is None else self.trace.passes[passage.source[0]].steps[step].grad_inputs
            for gradient in emitted[passage.source_slot : passage.source_slot + 1]:
                widest = max(widest, drawing.said_width(drawing.contribution(gradient)))
        steps = ceil((widest - LABEL_LEAST) / LABEL_STEP)
        name = (self._identity[wire.source], self._identity[wire.target], wire.slot)
        return self._not_less(name, LABEL_LEAST + LABEL_STEP * steps)

    @cached_property
    def _widest(self) -> dict[int, float]:
        """The widest contribution to every card that gets any."""
        found: dict[int, float] = {}
        for wire in self.graph.wires:
            if wire.passages or wire.cut:
                width = self._label_width(wire) + 2 * drawing.CHIP_PAD
                found[wire.source] = max(found.get(wire.source, 0.0), width)
        return found

    @cached_property
    def _alongside(self) -> dict[tuple[int, int], list[int]]:
        """Wires from one card to another that carry something."""
        found: dict[tuple[int, int], list[int]] = {}
        for wire in self.graph.wires:
            if wire.passages or wire.cut:
                found.setdefault((wire.source, wire.target), []).append(wire.id)
        return found

    def _shares(self, strand: Strand, width: float, ends: tuple[float, float]) -> tuple[tuple[float, ...], ...]:
        """Places along a line for what lies on it, the best first: those that are its own, and the others.

        Args:
            ends: lengths at both ends of the line that are not free.
        """
        number = strand.wires[0]
        key = (number, round(width), *map(round, ends))
        if key not in self._known_shares:
            left, top, right, bottom = bounds(strand.route)
            around = drawing.HEAD_ROOM + width / 2
            near = inside(self._strand_rects, (left - around, top - around, right + around, bottom + around))
            others = [other.route for place in np.nonzero(near)[0] if (other := self.strands[place]) is not strand]
            shares: Sequence[float] = drawing.SHARES
            if self.direction == "down":
                wire = self.graph.wires[number]
                beside = self._alongside.get((wire.source, wire.target), [])
                shares = drawing.standing_shares(
                    strand.route, others, width, beside.index(number) if number in beside else 0, len(beside)
                )
            own = drawing.own_places(strand.route, shares, ends, width, others)
            self._known_shares[key] = (
                tuple(share for share, mine in zip(shares, own, strict=True) if mine),
                tuple(share for share, mine in zip(shares, own, strict=True) if not mine),
            )
        return self._known_shares[key]

    @cached_property
    def _known_shares(self) -> dict[tuple[int, ...], tuple[tuple[float, ...], ...]]:
        return {}

    # ── Seeds ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def _find_seeds(self) -> tuple[Seed, ...]:
        found: dict[tuple[int, int], list[int]] = {}
        for number, backward in enumerate(self.trace.passes):
            for slot, (node, _) in enumerate(backward.roots):
                card = self.graph.card_of_node.get((number, node))
                if card is not None:
                    found.setdefault((number, card), []).append(slot)
        return tuple(Seed(number, tuple(slots), card) for (number, card), slots in found.items())

    def _seeds_in(self, unit: Unit) -> list[Seed]:
        """Seeds that hang below a box."""
        if unit.user is not None:
            return []
        inner = self._cards_in[unit.group] if unit.group else (unit.card,)
        return [seed for card in inner if card is not None for seed in self._seeds_of_card.get(card, ())]

    def _seed_text(self, seed: Seed) -> str:
        seeds = self.trace.passes[seed.pass_].seeds
        return drawing.shorts(seeds[slot] for slot in seed.slots if slot < len(seeds))

    def _seed_width(self, unit: Unit) -> float:
        """What the widest seed of a box needs; 0 where there is none."""
        widths = [drawing.said_width(self._seed_text(seed)) + 2 * PAD for seed in self._seeds_in(unit)]
        return max(92.0, *widths) if widths else 0.0

    def _is_used(self, unit: Unit) -> bool:
        """Whether lines leave a box, from where its seed would hang if they ran down."""
        inner = set(self._cards_in[unit.group]) if unit.group else {unit.card}
        wires = [wire for card in inner if card is not None for wire in self._ways[1].get(card, ())]
        return any(wire.target not in inner and wire.target in self._drawn for wire in wires)

    @cached_property
    def _drawn(self) -> frozenset[int]:
        """Cards that are drawn, by themselves or in a folded group."""
        return frozenset(self._all_cards(ROOT))

    def _seed_rect(self, unit: int) -> Rect:
        left, top, right, bottom = self._unit_rect(unit)
        width = self._seed_width(self.units[unit])
        if not self._overhang(self.units[unit])[3]:
            x, y = right + SEED_DROP, (top + bottom - SEED_HEIGHT) / 2
        else:
            x, y = (left + right - width) / 2, bottom + SEED_DROP
        return (x, y, x + width, y + SEED_HEIGHT)

    def _seed_now(self, unit: int, playback: Playback) -> Seed | None:
        """The seed shown at a box: of the pass that began last."""
        begun = [seed for seed in self._seed_units[unit] if playback.began(seed.pass_)]
        return max(begun, key=lambda seed: self.index.pass_at[seed.pass_], default=None)

    # ── Names ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def _node_name(self, card: Card, key: NodeKey | None = None) -> str:
        """The name of a card's node, or of the one of its nodes that is asked for, and how many more it has."""
        if not card.nodes:
            return "" if card.op is None else self.trace.ops[card.op].name
        number, node = card.nodes[0] if key is None else key
        inner = len({key[1] for key in card.nodes if key[0] == number}) - 1
        name = self.trace.passes[number].nodes[node].name
        if not card.values and card.op is None:
            return ""
        return f"{name} +{inner}" if inner else name

    def _card_title(self, unit: Unit) -> str:
        """A card's name, without what the open group around it says already."""
        assert unit.card is not None
        title = self.graph.cards[unit.card].title
        if unit.others:
            return f"{title} +{len(unit.others)}"
        parts = self.groups[unit.around].name.split(".") if self.graph.cards[unit.card].leaf else []
        for start in range(len(parts)):
            said = ".".join(parts[start:]) + "."
            if title.startswith(said):
                return title.removeprefix(said)
        return title

    def _title(self, group: Group) -> str:
        """A group's name; modules without what the groups around them say already."""
        if group.kind == "turn":
            return f"[{group.first}]" if group.count == 1 else f"[{group.first}…{group.first + group.count - 1}]"
        parts = group.name.split(".") if group.kind in ("module", "repeat") else [group.name]
        return figures.clip(".".join(parts[-2:]) if parts[-1][:1].isdigit() else parts[-1], loops.NAME_LIMIT)

    # ── The moment ────────────────────────────────────────────────────────────────────────────────────────────────

    def scene(
        self,
        playback: Playback,
        words: Words,
        *,
        view: Rect | None = None,
        scale: float = 1.0,
        selected: int | None = None,
        hovered: int | None = None,
        motion: float | None = None,
    ) -> Scene:
        """What the picture shows at this moment.

        Args:
            view: only what touches this part of the picture.
            scale: how large it will be drawn; small cards say less.
            selected: a card chosen by the reader.
            hovered: the card under the pointer.
            motion: phase, 0 … 1, of the current step's animation; None shows the moment after it.
        """
        view = view or self.bounds
        moment = _Moment(self, playback, words, selected, hovered, motion)
        sheet = Sheet()
        visible = np.nonzero(inside(self._rects, view) & (self._born < playback.cursor))[0]
        headers = self._draw_frames(sheet, view, scale, moment)
        strands = np.nonzero(inside(self._strand_rects, view) & (self._strand_born < playback.cursor))[0]
        chips: list[tuple[Strand, str, str]] = []
        if scale < READABLE:
            if scale >= OUTLINES or len(strands) <= STRANDS_AFAR:
                self._draw_strands_afar(sheet, strands, playback, scale)
            self._draw_afar(sheet, visible, moment, scale)
            marks = self._marks(playback)
            self._write_afar(sheet, visible, marks, scale)
            self._mark_afar(sheet, visible, strands, marks, scale)
            return sheet.scene()
        for place in strands:
            moment.strand(sheet, self.strands[place], chips)
        sheet.shapes += headers
        moment.joins(sheet)
        for place in visible:
            moment.unit(sheet, int(place))
        taken = [self._unit_rect(int(place)) for place in visible]
        taken += [(box.x, box.y, box.x + box.width, box.y + box.height) for box in headers]
        for unit in self._seed_units:
            seed = self._seed_now(unit, playback)
            if seed is not None and overlap(self._seed_rect(unit), view):
                changed = self.trace.passes[seed.pass_].seeded
                drawing.seed(
                    sheet, self._seed_rect(unit), self._unit_rect(unit), words("card.seed"), self._seed_text(seed),
                    changed=changed, current=seed.pass_ == self._running(playback),
                )  # fmt: skip
                taken.append(self._seed_rect(unit))
        moment.chips(sheet, chips, taken)
        note = self.note(words)
        left, top, right, _ = self.bounds
        if note and overlap(view, (left, top, right, top + MARGIN + NOTE)):
            sheet.text(left + MARGIN, top + MARGIN, note, "quiet", 12.0, mono=False)
        return sheet.scene()

    def _draw_frames(self, sheet: Sheet, view: Rect, scale: float, moment: _Moment) -> list[Box]:
        """Open groups, outer ones first; without their names where those could not be read. The names' grounds."""
        headers = []
        names, rects, births = self._frame_table
        wide = (rects[:, 2] - rects[:, 0]) * scale > SMALLEST_FRAME
        for place in np.nonzero(inside(rects, view) & (births < moment.playback.cursor) & wide)[0]:
            group = names[place]
            left, top, right, bottom = self.frames[group]
            # Far outside of the view a dashed line would cost time and show nothing.
            left, top = max(left, view[0] - 99), max(top, view[1] - 99)
            rect = (left, top, min(right, view[2] + 99), min(bottom, view[3] + 99))
            title = note = ""
            if scale >= READABLE:
                title, note = self._title(self.groups[group]), moment.operations(self.operations(group))
                if self.groups[group].kind == "loop":
                    note = moment.words("group.turns", n=self.groups[group].count, operations=note)
            headers += drawing.frame(sheet, rect, title, note, group.count("/") + 1)
        return headers

    @cached_property
    def _frame_table(self) -> tuple[tuple[str, ...], np.ndarray, np.ndarray]:
        """Open groups, their frames in rows, and when each of them appears."""
        born = dict.fromkeys(self.frames, NEVER)
        for number, unit in enumerate(self.units):
            around = unit.around
            while around:
                born[around] = min(born[around], int(self._born[number]))
                around = self.groups[around].parent
        rects = np.array(list(self.frames.values()), dtype=float).reshape(-1, 4)
        return tuple(self.frames), rects, np.array([born[group] for group in self.frames], dtype=np.int64)

    def _draw_strands_afar(self, sheet: Sheet, strands: np.ndarray, playback: Playback, scale: float) -> None:
        """Lines without heads and contributions, one shape for each colour; what is cut is dashed."""
        (passed, earlier), cut = (found[strands] for found in self._passed(playback)), self._cut[strands]
        kinds = (
            ("edge", ~(passed | earlier | cut), 1.6), ("earlier", earlier & ~cut, 1.6), ("cut", cut, 1.2 / scale),
            ("grad", passed & ~cut, max(2.2, 1.2 / scale)),
        )  # fmt: skip
        for line, these, weight in kinds:
            chosen = strands[these]
            if line == "cut" and len(chosen) <= CUTS_AFAR:
                sheet.shapes += [Curve(self.strands[place].route, line, weight, dashed=True) for place in chosen]
            elif len(chosen):
                points = np.concatenate([self._strand_points[place] for place in chosen])
                lengths = [len(self._strand_points[place]) for place in chosen]
                begins = np.zeros(len(points), dtype=bool)
                begins[np.concatenate([[0], np.cumsum(lengths)[:-1]])] = True
                sheet.shapes.append(Curves(points, begins, line, weight))

    @cached_property
    def _strand_points(self) -> list[np.ndarray]:
        return [np.array(strand.route, dtype=float) for strand in self.strands]

    @cached_property
    def _cut(self) -> np.ndarray:
        return np.array([bool(self.graph.wires[strand.wires[0]].cut) for strand in self.strands], dtype=bool)

    def later(self, playback: Playback) -> bool:
        """Whether more than one pass has begun."""
        return sum(at < playback.cursor for at, _ in self.index.pass_order[:2]) > 1

    def _running(self, playback: Playback) -> int | None:
        """The pass of the last step; while a pass that another one began has ended, the outer one again."""
        number = int(self._pass_at[playback.cursor])
        return None if number < 0 else number

    @cached_property
    def _pass_at(self) -> np.ndarray:
        """The pass that runs, or ran last, at every cursor; -1 before the first."""
        found, last = [-1], -1
        for event in self.trace.events:
            if event.kind in ("pass", "step") and event.pass_ is not None:
                last = event.pass_
            found.append(last)
        return np.array(found, dtype=np.int64)

    def _passed(self, playback: Playback) -> tuple[np.ndarray, np.ndarray]:
        """Which lines a gradient of the current pass has run back along, and which only one of an earlier pass."""
        number = self._running(playback)
        if number is None:
            nothing = np.zeros(len(self.strands), dtype=bool)
            return nothing, nothing
        if number not in self._first_passages:
            self._first_passages[number] = self._find_passages(number)
        if None not in self._first_passages:
            self._first_passages[None] = self._find_passages(None)
        now = self._first_passages[number] < playback.cursor
        return now, (self._first_passages[None] < playback.cursor) & ~now

    def _find_passages(self, number: int | None) -> np.ndarray:
        """Position from which a gradient of one pass, or of any, has run back along each line."""
        first = np.full(len(self.strands), NEVER, dtype=np.int64)
        for place, strand in enumerate(self.strands):
            for passage in (p for wire in strand.wires for p in self.graph.wires[wire].passages):
                pass_ = passage.source[0]
                step = self.index.step_of.get(passage.source) if number in (None, pass_) else None
                emitted = () if step is None else self.trace.passes[pass_].steps[step].grad_inputs
                if step is not None and any(one is not None for one in emitted[passage.source_slot :][:1]):
                    first[place] = min(first[place], self.index.step_at.get((pass_, step), NEVER))
        return first

    @cached_property
    def _first_passages(self) -> dict[int | None, np.ndarray]:
        return {}

    def _draw_afar(self, sheet: Sheet, visible: np.ndarray, moment: _Moment, scale: float) -> None:
        """Cards without what they say, a few shapes for all of them."""
        rects, leaf = self._rects[visible], self._leaf[visible]
        edge = 0.0 if scale < OUTLINES else 1.2 / scale
        if edge:
            piles = self._rects[visible[self._piled[visible]]]
            for behind in (2, 1):
                sheet.shapes.append(Boxes(piles + behind * drawing.STACK * np.array([1, -1, 1, -1]), "far"))
                inner = np.array([edge, edge, -edge, -edge]) + behind * drawing.STACK * np.array([1, -1, 1, -1])
                sheet.shapes.append(Boxes(piles + inner, "card"))
            sheet.shapes.append(Boxes(rects[~leaf], "far"))
            sheet.shapes.append(Boxes(rects[leaf], "leaf"))
            sheet.shapes.append(Boxes(rects + np.array([edge, edge, -edge, -edge]), "card"))
            arrived = rects[self._arrived(moment.playback)[visible]].copy()
            arrived[:, 1] = arrived[:, 3] - np.minimum(ROW, (arrived[:, 3] - arrived[:, 1]) / 4)
            sheet.shapes.append(Boxes(arrived + np.array([edge, 0, -edge, -edge]), "grad"))
        else:
            sheet.shapes.append(Boxes(rects[~leaf], "far"))
            sheet.shapes.append(Boxes(rects[leaf], "leaf"))
        for unit, weight in ((moment.selected, 2.0), (moment.current, 3.0)):
            if unit is None:
                continue
            # The halo is as wide as near by: nothing beside the box is covered.
            left, top, right, bottom = self._unit_rect(unit)
            rim, thick = drawing.HALO, weight / scale
            lines = (
                (left - rim, top - rim, right + rim, top - rim + thick),
                (left - rim, bottom + rim - thick, right + rim, bottom + rim),
                (left - rim, top - rim, left - rim + thick, bottom + rim),
                (right + rim - thick, top - rim, right + rim, bottom + rim),
            )
            small = min(right - left, bottom - top) * scale < 5 * weight
            around = (left - rim, top - rim, right + rim, bottom + rim)
            sheet.shapes.append(Boxes(np.array([around] if small else lines), "accent"))

    def _write_afar(self, sheet: Sheet, visible: np.ndarray, marks: dict[int, str], scale: float) -> None:
        """The names of boxes that have room for one, as large on the screen at every scale."""
        size, pad = drawing.far_size(scale), 4.0 / scale
        rects = self._rects[visible]
        sides = (rects[:, 2:] - rects[:, :2]) * scale
        for number in map(int, visible[(sides >= FAR_ROOM).all(axis=1)]):
            unit = self.units[number]
            left, top, right, bottom = self._unit_rect(number)
            middle, room = top + (bottom - top) * (0.5 if unit.user is not None else 0.375), right - left - 2 * pad
            mark = marks.get(number) if unit.user is None else None
            if unit.group:
                group = self.groups[unit.group]
                title, colour = f"▸{self._title(group)}", "text"
                if group.count > 1:
                    times = f"×{group.count}"
                    sheet.text(right - pad, middle, times, "accent", size, anchor="e", bold=True)
                    room -= text_width(times, size) + pad
            else:
                assert unit.card is not None
                card = self.graph.cards[unit.card]
                title, colour = self._card_title(unit), "text" if card.tracked or card.failed else "quiet"
            text = drawing.clipped(title, room - (text_width("⚠ ", size) if mark else 0.0), size)
            if mark:
                text, colour = f"{mark} {text}".rstrip(), "wrong"
            sheet.text(left + pad, middle, text, colour, size, bold=bool(mark))

    def _mark_afar(
        self, sheet: Sheet, visible: np.ndarray, strands: np.ndarray, marks: dict[int, str], scale: float
    ) -> None:
        """⚠ and ✗ on boxes too small for a name, ✂ on cut lines; one where several would lie on each other."""
        size, half, taken = drawing.far_size(scale), MARK / 2 / scale, set()
        places: list[tuple[float, float, str, str]] = []
        for number in marks.keys() & set(visible.tolist()) if marks else ():
            left, top, right, bottom = self._unit_rect(number)
            if (right - left) * scale < FAR_ROOM[0] or (bottom - top) * scale < FAR_ROOM[1]:
                places.append(((left + right) / 2, (top + bottom) / 2, marks[number], "wrong"))
        for place in strands[self._cut[strands]][:CUTS_AFAR]:
            ((x, y),) = places_along(self.strands[place].route, (0.5,), (0.0, 0.0))
            places.append((x, y, "✂", "cut"))
        for x, y, mark, colour in sorted(places):
            cell = (round(x * scale / MARK), round(y * scale / MARK))
            if cell not in taken:
                taken.add(cell)
                sheet.box((x - half, y - half, x + half, y + half), f"{colour}_soft", radius=half)
                sheet.text(x, y, mark, colour, size, anchor="c", bold=True)

    @cached_property
    def _piled(self) -> np.ndarray:
        """Which boxes hold several of a kind."""
        counts = (self.groups[unit.group].count if unit.group else 1 for unit in self.units)
        return np.array([count > 1 for count in counts], dtype=bool)

    def _marks(self, playback: Playback) -> dict[int, str]:
        """Boxes with ✗ for what raised or ⚠ for NaN or Inf, in the card itself or in one of the folded group's."""
        found = {}
        for card, courses in self._odd.items():
            unit = self._unit_of_card.get(card)
            if unit is not None and any(
                next((odd for at, odd in reversed(course) if at < playback.cursor), False) for course in courses
            ):
                found[unit] = "⚠"
        for failed in self.graph.cards[-1:]:
            if failed.failed and failed.id in self._unit_of_card:
                found[self._unit_of_card[failed.id]] = "✗"
        if self._failing in self._unit_of_card and playback.at_end:
            found[self._unit_of_card[self._failing]] = "✗"
        return found

    def _find_odd(self) -> dict[int, list[list[tuple[int, bool]]]]:
        """Cards that hold NaN or Inf at some moment → of value and of gradient, from where on they do or not."""
        found = {}
        for card in self.graph.cards:
            values = [
                (self.index.value_at.get(value, -1), self._is_odd(self.trace.values[value].tensor))
                for value in card.values
            ]
            grads = []
            for number, node in card.nodes:
                step = self.index.step_of.get((number, node))
                if step is not None:
                    at = self.index.step_at.get((number, step), NEVER)
                    flow = self.index.inflow((number, node))
                    odd = any(map(self._is_odd, self.trace.passes[number].steps[step].grad_outputs))
                    grads.append((min(at, flow[0].at) if flow else at, odd))
            if card.leaf:
                leaf = self.index.leaf_of.get(card.values[-1], card.values[-1])
                for history, course in ((self.index.datas, values), (self.index.grads, grads)):
                    if leaf in history:
                        course += zip(history[leaf].positions, map(self._is_odd, history[leaf].states), strict=True)
            if any(odd for _, odd in (*values, *grads)):
                found[card.id] = [sorted(values), sorted(grads)]
        return found

    def _is_odd(self, snapshot: TensorSnapshot | None) -> bool:
        known = self._shown_tensors.get(id(snapshot))
        return known[1].odd if known is not None and known[0] is snapshot else drawing._odd(snapshot)

    def _arrived(self, playback: Playback) -> np.ndarray:
        """Which boxes the gradient of the current pass has reached."""
        number = self._running(playback)
        if number is None:
            return np.zeros(len(self.units), dtype=bool)
        if number not in self._first_arrivals:
            first = np.full(len(self.units), NEVER, dtype=np.int64)
            for node in self.trace.passes[number].nodes:
                unit = self._unit_of_card.get(self.graph.card_of_node.get((number, node.id), -1))
                flow = self.index.inflow((number, node.id))
                if unit is not None and flow:
                    first[unit] = min(first[unit], flow[0].at)
            self._first_arrivals[number] = first
        reached: np.ndarray = self._first_arrivals[number] < playback.cursor
        return reached

    @cached_property
    def _first_arrivals(self) -> dict[int, np.ndarray]:
        return {}

    def _flow(self, group: str, number: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Of a folded group in one pass: positions of its steps, smallest and largest gradient size until each."""
        key = (group, number)
        if key not in self._flows:
            found = []
            for card in self._cards_in[group]:
                for node in self.graph.cards[card].nodes:
                    step = self.index.step_of.get(node) if node[0] == number else None
                    if step is not None:
                        sizes = [
                            figures.extent(g).size for g in self.trace.passes[number].steps[step].grad_outputs if g
                        ]
                        known = [size for size in sizes if size is not None]
                        found.append((self.index.step_at.get((number, step), NEVER), max(known, default=np.nan)))
            found.sort()
            at = np.array([position for position, _ in found], dtype=np.int64)
            sizes_now = np.array([size for _, size in found], dtype=float)
            low, high = np.fmin.accumulate(sizes_now), np.fmax.accumulate(sizes_now)
            self._flows[key] = (at, low, high)
        return self._flows[key]


class _Moment:
    """What is drawn of a picture at one moment."""

    def __init__(
        self,
        picture: Picture,
        playback: Playback,
        words: Words,
        selected: int | None,
        hovered: int | None,
        motion: float | None,
    ) -> None:
        self.picture = picture
        self.playback = playback
        self.words = words
        self.motion = motion if motion is not None and motion < 1 and playback.step is not None else None
        # While contributions are on their way, what they are added to still holds what it held before.
        self.before = playback.back() if self.motion is not None else playback
        self.pass_ = picture._running(playback)
        current = picture.current_card(playback)
        self.card = current
        self.current = picture._unit_of_card.get(-1 if current is None else current)
        self.selected = picture._unit_of_card.get(-1 if selected is None else selected)
        related = picture.related(hovered) if hovered is not None else Related()
        near = related.ancestors | related.descendants | ({hovered} if hovered is not None else frozenset())
        self.lit = {picture._unit_of_card.get(card) for card in near}
        self.lit_wires = related.wires
        self.hovered = hovered

    def operations(self, count: int) -> str:
        return self.words("group.operations" if count != 1 else "group.operation", n=count)

    def _inside(self, group: Group, current: bool) -> str:
        """What a folded group holds; of a loop that is running, the turn it is in."""
        turn = self.picture._turns(group.id).get(-1 if self.card is None else self.card) if current else None
        if turn is not None:
            around = group
            while around.kind == "turn":
                around = self.picture.groups[around.parent]
            key = "group.block" if group.kind == "repeat" else "group.turn"
            return self.words(key, n=group.first + turn, all=around.count)
        count = self.picture.operations(group.id)
        if group.count > 1 and count and count % group.count == 0:
            return self.words("group.each", operations=self.operations(count // group.count))
        return self.operations(count)

    def _state(self, unit: int) -> str:
        box = self.picture.units[unit]
        if box.user is not None:
            return "current" if box.stands_for(self.card) else "lit" if box.stands_for(self.hovered) else ""
        if unit == self.current:
            return "current"
        return "selected" if unit == self.selected else "lit" if unit in self.lit else ""

    def joins(self, sheet: Sheet) -> None:
        """From the card under the pointer, or the group it is folded into, to the chips that stand for it."""
        main = None if self.hovered is None else self.picture._unit_of_card.get(self.hovered)
        if main is None:
            return
        for number, unit in enumerate(self.picture.units):
            if unit.stands_for(self.hovered) and self.picture._born[number] < self.playback.cursor:
                ends = (self.picture._unit_rect(main), self.picture._unit_rect(number))
                (x0, y0), (x1, y1) = (((left + right) / 2, (top + bottom) / 2) for left, top, right, bottom in ends)
                if self.picture.direction == "down":
                    route = ((x0, y0), (x0, (y0 + y1) / 2), (x1, (y0 + y1) / 2), (x1, y1))
                else:
                    route = ((x0, y0), ((x0 + x1) / 2, y0), ((x0 + x1) / 2, y1), (x1, y1))
                sheet.shapes.append(Curve(route, "accent", 1.2, dashed=True))

    # ── Boxes ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def unit(self, sheet: Sheet, number: int) -> None:
        unit = self.picture.units[number]
        rect = self.picture._unit_rect(number)
        if unit.group:
            self._folded(sheet, number, rect)
            return
        assert unit.card is not None
        card = self.picture.graph.cards[unit.card]
        if unit.user is not None:
            drawing.stand_in(
                sheet, rect, self.picture._card_title(unit), leaf=card.leaf, tracked=card.tracked,
                state=self._state(number),
            )  # fmt: skip
            return
        drawing.card(sheet, rect, self._face(card, number))
        if unit.card == self.hovered and self.picture._can_cut(unit.card):
            cut = all(wire.cut for wire in self.picture._outgoing[unit.card])
            drawing.scissors(sheet, self.picture._scissors_rect(number), cut)

    def _face(self, card: Card, number: int) -> Face:
        heights = self.picture._size(self.picture.units[number])[2]
        failing = card.failed or (card.id == self.picture._failing and self.playback.at_end)
        rows = []
        if card.values:
            rows.append(self._value_row(card))
        if card.tracked:
            rows.append(self._grad_row(card))
        subtitle, tone = self._subtitle(card)
        altered = results.altered(self.before, card)
        if altered and not failing:
            subtitle = f"{subtitle}  {self.words(f'card.hook.{altered}')}"
        line = "wrong" if failing else "cut" if card.healed else "leaf" if card.leaf else "edge"
        title = self.picture._card_title(self.picture.units[number])
        return Face(
            f"✗ {title}" if failing else title, subtitle, tuple(rows), heights,
            "wrong" if failing else "text" if card.tracked else "quiet", tone, line,
            not card.tracked and not failing, self._state(number),
        )  # fmt: skip

    def _value_row(self, card: Card) -> Row:
        row = self.picture._show(self.playback.tensor(value) for value in results.values(self.playback, card))
        return Row(self.words("card.value"), row, "value" if card.tracked else "quiet")

    def _grad_row(self, card: Card) -> Row:
        """The lowest row: ``.grad`` of a leaf, or what has arrived at the node."""
        if card.leaf:
            grad = self.before.grad(card.values[-1])
            return Row(".grad", self.picture._show([grad]), "leaf" if grad is not None else "quiet", "leaf_soft")
        playback = self.playback if card.id == self.card else self.before
        held = results.arrived(playback, card)
        return Row("v", self.picture._show(held), "grad" if any(held) else "quiet", "grad_soft" if held else "")

    def _subtitle(self, card: Card) -> tuple[str, str]:
        """The node's name; how many paths have arrived while it waits for more; what ``.grad`` was before."""
        error = self.picture.trace.error
        if card.failed and error is not None:
            return figures.clip(error.type, 30), "wrong"
        if card.healed:
            return self.words("card.healed"), "cut"
        buffer = results.waiting(self.before, card)
        if buffer is not None:
            paths = self.words("card.paths", done=len(buffer.contributions), all=buffer.expected)
            # The lowest row of a leaf is .grad, which gets the sum only when all has arrived.
            for held in results.arrived(self.before, card)[:1] if card.leaf else ():
                return f"{paths} · v {drawing.contribution(held)}", "wrong" if drawing._odd(held) else "grad"
            return paths, "grad"
        if card.leaf and card.id == self.card and self.motion is None:
            event, step = self.playback.event, self.playback.step
            told = step.grad_before if step is not None else event.before if event is not None else None
            if step is not None or (event is not None and event.kind == "grad"):
                return self.words("card.before", grad=drawing.short(told)), "leaf"
        return self.picture._node_name(card, results.node(self.playback, card)), "quiet"

    def _folded(self, sheet: Sheet, number: int, rect: Rect) -> None:
        picture = self.picture
        group = picture.groups[picture.units[number].group]
        text, share = figures.NOT_YET, 0.0
        if self.playback.current_pass is not None:
            at, low, high = picture._flow(group.id, self.playback.current_pass)
            done = int(np.searchsorted(at, self.before.cursor))
            if done:
                share = done / len(at)
                text = figures.span(float(low[done - 1]), float(high[done - 1]))
        drawing.folded(
            sheet, rect, picture._title(group), group.count, self._inside(group, number == self.current),
            (self.words("group.size"), text), share, self._state(number),
        )  # fmt: skip

    # ── Lines ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def strand(self, sheet: Sheet, strand: Strand, chips: list[tuple[Strand, str, str]]) -> None:
        wires = [self.picture.graph.wires[wire] for wire in strand.wires]
        if self.lit_wires.intersection(strand.wires):
            sheet.shapes.append(Curve(strand.route, "halo", 8.0))
        if wires[0].cut:
            sheet.shapes.append(self._arrow(strand, "cut", 1.8, dashed=True))
            word = self.words("card.cut") if wires[0].cut == "cut" else wires[0].cut
            chips.append((strand, f"✂ {word}", "cut"))
            return
        passed, earlier, moving = False, any(map(self._ran_earlier, wires)), ""
        for wire in wires:
            for text, colour, now in self._gradients(wire):
                passed = passed or colour != "quiet"
                if now and self.motion is not None:
                    moving = text
                elif len(wires) == 1:
                    chips.append((strand, text, colour))
        if moving and self.motion is not None:
            self._on_its_way(sheet, strand, moving, self.motion)
        elif passed:
            sheet.shapes.append(self._arrow(strand, "grad", 2.4, "start"))
        elif earlier:
            sheet.shapes.append(self._arrow(strand, "earlier", 1.2, "start"))
        else:
            values = self.picture.trace.values
            carries = any(wire.passages or wire.value is None or values[wire.value].requires_grad for wire in wires)
            sheet.shapes.append(self._arrow(strand, "edge", 1.6 if carries else 1.0))

    def _arrow(self, strand: Strand, line: str, weight: float, arrow: str = "end", dashed: bool = False) -> Curve:
        return Curve(strand.route, line, weight, dashed, arrow, self._gap(strand, arrow))

    def _gap(self, strand: Strand, arrow: str) -> float:
        """From an arrow's point to the box it points at: what is drawn around that box."""
        if arrow == "end":
            box, ((x0, y0), (x1, y1)) = strand.target, strand.route[-1:-3:-1]
        else:
            box, ((x0, y0), (x1, y1)) = strand.source, strand.route[:2]
        group = self.picture.groups[self.picture.units[box].group]
        rect = self.picture._unit_rect(box)
        return drawing.clearance(rect, self._state(box), group.count, (x0, y0), (x1 - x0, y1 - y0))

    def _gradients(self, wire: Wire) -> list[tuple[str, str, bool]]:
        """What has run back along a wire in the current pass: text, colour, whether just now."""
        found = []
        for passage in wire.passages:
            if passage.source[0] != self.pass_:
                continue
            step = self.playback.emitted(passage.source)
            if step is None or passage.source_slot >= len(step.grad_inputs):
                continue
            gradient = step.grad_inputs[passage.source_slot]
            colour = "quiet" if gradient is None else "wrong" if drawing._odd(gradient) else "grad"
            text = drawing.contribution(gradient)
            found.append((text, colour, passage.source == self.playback.node))
        return found

    def _ran_earlier(self, wire: Wire) -> bool:
        """Whether a gradient has run back along a wire in another pass: no part of what is summed now."""
        for passage in wire.passages:
            step = self.playback.emitted(passage.source) if passage.source[0] != self.pass_ else None
            if step is not None and any(one is not None for one in step.grad_inputs[passage.source_slot :][:1]):
                return True
        return False

    def _on_its_way(self, sheet: Sheet, strand: Strand, text: str, share: float) -> None:
        """A contribution that travels from the user of a value back to the value."""
        along = sample(strand.route)
        way = self._free(strand, text, 1 - share)
        place = round(way * (len(along) - 1))
        # Neither part has a head: what moves shows the way.
        for part, line, weight in ((along[: place + 1], "edge", 1.6), (along[place:], "grad", 2.4)):
            if len(part) > 1:
                sheet.shapes.append(Curve(polyline(part), line, weight))
        self._moving.append((strand, text, way))

    def _free(self, strand: Strand, text: str, share: float) -> float:
        """A share of a line, kept so far from both ends that what moves there covers no card, if there is room."""
        along = sample(strand.route)
        covers = [
            any(overlap(drawing.chip_at(strand.route, text, place / (len(along) - 1)), self.picture._unit_rect(end))
                for end in (strand.source, strand.target))
            for place in range(len(along))
        ]  # fmt: skip
        free = [place / (len(along) - 1) for place, covered in enumerate(covers) if not covered]
        return min(max(share, free[0]), free[-1]) if free else share

    @cached_property
    def _moving(self) -> list[tuple[Strand, str, float]]:
        return []

    def chips(self, sheet: Sheet, chips: list[tuple[Strand, str, str]], taken: list[Rect]) -> None:
        """What lies on the lines, moved along them so that nothing is covered; what moves goes above."""
        near = {self.current, self.selected}
        if len(chips) > CHIP_BUDGET:
            chips = [chip for chip in chips if near & {chip[0].source, chip[0].target} or chip[2] == "cut"]
        # What the current card sends or receives is worth covering something, the rest is not.
        chips.sort(key=lambda chip: not near & {chip[0].source, chip[0].target})
        for strand, text, colour in chips[: 2 * CHIP_BUDGET]:
            must = colour in ("cut", "wrong") or self.current in (strand.source, strand.target)
            arrow = "end" if colour in ("cut", "quiet") else "start"
            head = self._gap(strand, arrow) + head_length(2.4)
            ends = (head, 0.0) if arrow == "start" else (0.0, head)
            own, rest = self.picture._shares(strand, drawing.said_width(text) + 2 * drawing.CHIP_PAD, ends)
            # Where several lines are one it would be read as the sum of what they carry.
            shares = (*own, *rest) if must else own
            rect = drawing.chip_place(strand.route, text, taken, must, shares, ends)
            if rect is not None:
                taken.append((rect[0] - CLEAR, rect[1] - CLEAR, rect[2] + CLEAR, rect[3] + CLEAR))
                drawing.chip(sheet, rect, text, colour)
        moving = [(drawing.chip_at(strand.route, text, share), text) for strand, text, share in self._moving]
        # Texts lie above all shapes: what a chip covers would be read through it.
        sheet.labels = [
            label for label in sheet.labels if not any(overlap(label_rect(label), rect) for rect, _ in moving)
        ]
        for rect, text in moving:
            drawing.chip(sheet, rect, text, "grad")


def _parts(held: tuple[TensorSnapshot | None, ...]) -> Iterator[tuple[TensorSnapshot | None, ...]]:
    """What of several gradients may have arrived so far; of many only the longest to write."""
    if len(held) > 5:
        yield (*[None] * (len(held) - 1), held[-1])
        return
    for chosen in product((False, True), repeat=len(held)):
        part = [gradient if here else None for gradient, here in zip(held, chosen, strict=True)]
        while part and part[-1] is None:
            part.pop()
        if part:
            yield tuple(part)


def legend(words: Words, x: float, y: float, *, hints: bool = False, earlier: bool = False) -> Scene:
    """What the colours mean, in one row; with ``hints``, also what can be clicked; ``earlier`` after several passes."""
    sheet = Sheet()
    drawing.legend(sheet, words, x, y, hints, earlier)
    return sheet.scene()
