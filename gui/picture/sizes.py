"""How large boxes are and what room lines need: for what they will ever say, so that nothing moves while stepping."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from functools import cache, cached_property
from itertools import product
from math import ceil

import numpy as np

from core.layout import Direction, Size
from core.playback import Index, Playback, add
from core.records import Step, TensorSnapshot, Trace
from gui.i18n import LANGUAGES
from gui.i18n import words as words_of
from gui.picture import drawing, results
from gui.picture.arrangement import Extent, Rect, Unit
from gui.picture.cards import Card, Graph, Wire
from gui.picture.contents import Contents
from gui.picture.drawing import CHIP, CUTTER, HEAD, NARROWEST, PAD, ROW, SEED_DROP, SEED_HEIGHT, WIDEST, Gallery
from gui.picture.groups import ROOT, Group
from gui.picture.names import Names
from gui.picture.seeds import Seeds
from gui.picture.shapes import BODY, SMALL, TITLE, text_width
from gui.picture.ways import Ways

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
CHIP_GAP = 7.0
"""Room between two contributions, one above the other."""


class Sizes:
    """Sizes of everything in one picture.

    Args:
        room: what cards and lines had in the picture of another run, by their names; none gets less.
    """

    def __init__(
        self,
        trace: Trace,
        index: Index,
        graph: Graph,
        groups: Mapping[str, Group],
        direction: Direction,
        names: Names,
        contents: Contents,
        ways: Ways,
        seeds: Seeds,
        gallery: Gallery,
        identity: Sequence[Hashable],
        room: Mapping[Hashable, float],
    ) -> None:
        self._trace, self._index, self._graph, self._groups = trace, index, graph, groups
        self._down = direction == "down"
        self._names, self._contents, self._ways, self._seeds = names, contents, ways, seeds
        self._gallery, self._identity = gallery, identity
        self.room = dict(room)
        self.of = cache(self._measure)
        self.overhang = cache(self._find_overhang)

    # ── Boxes ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def extent(self, unit: Unit) -> Extent:
        """What a box takes up, with what stands out around it."""
        (width, height), port, _ = self.of(unit)
        left, top, right, bottom = self.overhang(unit)
        return Extent(
            left + width + right, top + height + bottom,
            axis=left + width / 2 if self._down else top + height / 2, port=width if self._down else port,
        )  # fmt: skip

    def insets(self, units: Sequence[Unit]) -> np.ndarray:
        """From what every box takes up to the box itself."""
        overhangs = np.array([self.overhang(unit) for unit in units], dtype=float).reshape(-1, 4)
        overhangs[:, 2:] *= -1
        return overhangs

    def header_width(self, group: str) -> float:
        """What the name of an open group needs."""
        return 0.0 if group == ROOT else text_width(f"▾ {self._names.group(group)}", TITLE) + 2 * PAD

    def _find_overhang(self, unit: Unit) -> Rect:
        """How far the pile behind a group and the seed of a root stand out on each side of the box.

        So does the contribution to a value drawn again, where lines run down.
        """
        if unit.user is not None and unit.card is not None:
            widest = self._widest.get(unit.card, 0.0) if self._down else 0.0
            aside = max(0.0, (widest - self.of(unit)[0][0]) / 2)
            return (aside, 0.0, aside, 0.0)
        top = right = drawing.PILE if unit.group and self._groups[unit.group].count > 1 else 0.0
        if not self._seeds.at(unit):
            return (0.0, top, right, 0.0)
        if self._down and self._is_used(unit):
            return (0.0, top, SEED_DROP + self._seeds.width(unit), 0.0)
        return (0.0, top, right, SEED_DROP + SEED_HEIGHT)

    def _is_used(self, unit: Unit) -> bool:
        """Whether lines leave a box, from where its seed would hang if they ran down."""
        inner = set(self._contents.of(unit))
        wires = [wire for card in inner for wire in self._ways.down.get(card, ())]
        return any(wire.target not in inner and wire.target in self._drawn for wire in wires)

    @cached_property
    def _drawn(self) -> frozenset[int]:
        """Cards that are drawn, by themselves or in a folded group."""
        return frozenset(self._contents.cards(ROOT))

    def _measure(self, unit: Unit) -> tuple[Size, float, tuple[float, ...]]:
        """Size, height where lines may end, and heights of the rows."""
        if unit.group:
            group = self._groups[unit.group]
            # As wide for nine turns as for ten, so that nothing moves when a run has one more.
            pill = text_width(f"×{group.count:03}", SMALL) + 26 if group.count > 1 else 0
            width = max(
                text_width(f"▸ {self._names.group(unit.group)}", TITLE) + pill + 2 * PAD,
                drawing.NARROWEST_GROUP,
                self._seeds.width(unit),
            )
            return (width, drawing.GROUP_HEIGHT), drawing.GROUP_HEIGHT, ()
        assert unit.card is not None
        card = self._graph.cards[unit.card]
        if unit.user is not None:
            return (text_width(self._names.card(unit), BODY) + 2 * PAD, CHIP + 5), CHIP, ()
        cutter = CUTTER if card.tracked or card.failed else 0.0
        widths = [text_width(self._names.card(unit), TITLE) + cutter]
        widths += [text_width(text, SMALL, False) for text in self._subtitles(card)]
        heights: list[float] = []
        if card.values:
            shown = [
                self._gallery.show(self._trace.values[value].tensor for value in version)
                for version in results.versions(card)
            ]
            sign = 14 if card.leaf and self._names.changed_leaf(card) else 0
            widths += [one.width + 44 + sign for one in shown]
            heights.append(max(one.height for one in shown))
        if card.tracked:
            grads = [self._gallery.show(held) for held in self._ever_held(card)]
            history = self._index.grads.get(self._leaf(card)) if card.leaf else None
            grads += [self._gallery.show([grad]) for grad in (history.states if history else ())]
            widths += [one.width + (50 if card.leaf else 30) for one in grads]
            heights.append(max((one.height for one in grads), default=ROW))
        width = CARD_STEP * ceil(max(NARROWEST, self._seeds.width(unit), max(widths) + 2 * PAD) / CARD_STEP)
        width = self._not_less(self._identity[unit.card], width)
        size = (min(WIDEST, width), HEAD + sum(heights))
        # Lines of one card stand apart by at least a contribution's height, as far as the card is high enough.
        return size, size[1] * 1.15, tuple(heights)

    def _not_less(self, name: Hashable, room: float) -> float:
        """Room that something has in the picture: what it had before, and more where it needs more."""
        self.room[name] = room = max(room, self.room.get(name, 0.0))
        return room

    def _leaf(self, card: Card) -> int:
        return self._index.leaf_of.get(card.values[-1], card.values[-1])

    def _subtitles(self, card: Card) -> list[str]:
        """What the second line of a card may ever say, in every language."""
        said = [self._names.node(card), *{self._names.node(card, key) for key in card.nodes}]
        paths = max(map(self._index.expected, card.nodes), default=0)
        history = self._index.grads.get(self._leaf(card)) if card.leaf else None
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
            count = min(PARTIAL_SUMS - len(found), self._index.expected(key) - 1)
            for contribution in self._index.inflow(key)[: max(0, count)]:
                total = add(total, contribution.tensor)
                found.append(drawing.contribution(total))
        return found

    def _steps(self, card: Card) -> list[Step]:
        """Of a card's nodes, in every pass."""
        found = ((number, self._index.step_of.get((number, node))) for number, node in card.nodes)
        return [self._trace.passes[number].steps[step] for number, step in found if step is not None]

    def _ever_held(self, card: Card) -> list[tuple[TensorSnapshot | None, ...]]:
        """What a card ever shows as v: of each of its nodes, and of all results together."""
        found = [step.grad_outputs for step in self._steps(card)]
        if len(card.results) > 1 and len(found) > 1:
            end = Playback(self._trace, len(self._trace.events), index=self._index)
            found += [tuple(results.gradients(end, card, number)) for number in {key[0] for key in card.nodes}]
        return found + [part for held in found if len(held) > 1 for part in _parts(held)]

    # ── Lines ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def label_room(self, wires: Sequence[int]) -> Size:
        """Room along and across a line for the widest contribution that ever lies on it; a bundle shows none.

        In coarse steps, and the same for a cut line: a what-if that changes a digit shall not move the cards.
        """
        wire = self._graph.wires[wires[0]]
        if len(wires) != 1 or not (wire.passages or wire.cut):
            return (0.0, 0.0)
        width = self._label_width(wire)
        if not self._down:
            return (width + LABEL_ROOM, CHIP)
        # What lies on lines that run side by side stands one above the other.
        beside = self._ways.alongside[wire.source, wire.target]
        return (len(beside) * (CHIP + CHIP_GAP) + STANDING_ROOM, width + 2 * drawing.CHIP_PAD)

    def _label_width(self, wire: Wire) -> float:
        """Width of the widest contribution that ever lies on a line, in coarse steps."""
        widest = LABEL_LEAST
        for passage in wire.passages:
            step = self._index.step_of.get(passage.source)
            emitted = () if step is None else self._trace.passes[passage.source[0]].steps[step].grad_inputs
            for gradient in emitted[passage.source_slot : passage.source_slot + 1]:
                widest = max(widest, drawing.said_width(drawing.contribution(gradient)))
        steps = ceil((widest - LABEL_LEAST) / LABEL_STEP)
        name = (self._identity[wire.source], self._identity[wire.target], wire.slot)
        return self._not_less(name, LABEL_LEAST + LABEL_STEP * steps)

    @cached_property
    def _widest(self) -> dict[int, float]:
        """The widest contribution to every card that gets any."""
        found: dict[int, float] = {}
        for wire in self._graph.wires:
            if wire.passages or wire.cut:
                width = self._label_width(wire) + 2 * drawing.CHIP_PAD
                found[wire.source] = max(found.get(wire.source, 0.0), width)
        return found


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
