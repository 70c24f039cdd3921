"""A picture at a moment, near by: what every card says, what every line carries."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from core.playback import Playback
from gui import figures
from gui.i18n import Words
from gui.picture import drawing, results
from gui.picture.arrangement import Strand
from gui.picture.cards import Card, Wire
from gui.picture.drawing import Face, Row
from gui.picture.groups import Group
from gui.picture.part import Part
from gui.picture.shapes import Curve, Rect, Sheet, head_length, label_rect, overlap, polyline, sample
from gui.picture.standing import Standing
from gui.picture.ways import Related

CHIP_BUDGET = 80
"""Contributions drawn at once; where there are more, those of the current and of the chosen card."""
CLEAR = 3.0
"""The least room around each."""


class Moment:
    """A picture at one moment, near enough to read what every card says."""

    def __init__(
        self,
        standing: Standing,
        playback: Playback,
        words: Words,
        selected: int | None,
        hovered: int | None,
        motion: float | None,
    ) -> None:
        self.standing = standing
        self.playback = playback
        self.words = words
        self.motion = motion if motion is not None and motion < 1 and playback.step is not None else None
        # While contributions are on their way, what they are added to still holds what it held before.
        self.before = playback.back() if self.motion is not None else playback
        self.pass_ = standing.course.running(playback)
        current = standing.current_card(playback)
        self.card = current
        self.current = standing.unit_of_card.get(-1 if current is None else current)
        self.selected = standing.unit_of_card.get(-1 if selected is None else selected)
        related = standing.related(hovered) if hovered is not None else Related()
        near = related.ancestors | related.descendants | ({hovered} if hovered is not None else frozenset())
        self.lit = {standing.unit_of_card.get(card) for card in near}
        self.lit_wires = related.wires
        self.hovered = hovered

    def operations(self, count: int) -> str:
        return self.words("group.operations" if count != 1 else "group.operation", n=count)

    def _inside(self, group: Group, current: bool) -> str:
        """What a folded group holds; of a loop that is running, the turn it is in."""
        turn = self.standing.contents.turns(group.id).get(-1 if self.card is None else self.card) if current else None
        if turn is not None:
            around = group
            while around.kind == "turn":
                around = self.standing.groups[around.parent]
            key = "group.block" if group.kind == "repeat" else "group.turn"
            return self.words(key, n=group.first + turn, all=around.count)
        count = self.standing.operations(group.id)
        if group.count > 1 and count and count % group.count == 0:
            return self.words("group.each", operations=self.operations(count // group.count))
        return self.operations(count)

    def _state(self, unit: int) -> str:
        box = self.standing.units[unit]
        if box.user is not None:
            return "current" if box.stands_for(self.card) else "lit" if box.stands_for(self.hovered) else ""
        if unit == self.current:
            return "current"
        return "selected" if unit == self.selected else "lit" if unit in self.lit else ""

    def joins(self, sheet: Sheet) -> None:
        """From the card under the pointer, or the group it is folded into, to the chips that stand for it."""
        main = None if self.hovered is None else self.standing.unit_of_card.get(self.hovered)
        if main is None:
            return
        for number, unit in enumerate(self.standing.units):
            if unit.stands_for(self.hovered) and self.standing.course.born[number] < self.playback.cursor:
                ends = (self.standing.unit_rect(main), self.standing.unit_rect(number))
                (x0, y0), (x1, y1) = (((left + right) / 2, (top + bottom) / 2) for left, top, right, bottom in ends)
                if self.standing.direction == "down":
                    route = ((x0, y0), (x0, (y0 + y1) / 2), (x1, (y0 + y1) / 2), (x1, y1))
                else:
                    route = ((x0, y0), ((x0 + x1) / 2, y0), ((x0 + x1) / 2, y1), (x1, y1))
                sheet.shapes.append(Curve(route, "accent", 1.2, dashed=True))

    # ── Boxes ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def unit(self, sheet: Sheet, number: int) -> None:
        unit = self.standing.units[number]
        rect = self.standing.unit_rect(number)
        if unit.group:
            self._folded(sheet, number, rect)
            return
        assert unit.card is not None
        card = self.standing.graph.cards[unit.card]
        if unit.user is not None:
            drawing.stand_in(
                sheet, rect, self.standing.names.card(unit), leaf=card.leaf, tracked=card.tracked,
                state=self._state(number),
            )  # fmt: skip
            return
        drawing.card(sheet, rect, self._face(card, number))
        if unit.card == self.hovered and self.standing.can_cut(unit.card):
            cut = all(wire.cut for wire in self.standing.ways.back[unit.card])
            drawing.scissors(sheet, self.standing.scissors_rect(number), cut)

    def _face(self, card: Card, number: int) -> Face:
        heights = self.standing.sizes.of(self.standing.units[number])[2]
        failing = card.failed or (card.id == self.standing.oddities.failing and self.playback.at_end)
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
        title = self.standing.names.card(self.standing.units[number])
        return Face(
            f"✗ {title}" if failing else title, subtitle, tuple(rows), heights,
            "wrong" if failing else "text" if card.tracked else "quiet", tone, line,
            not card.tracked and not failing, self._state(number),
        )  # fmt: skip

    def _value_row(self, card: Card) -> Row:
        row = self.standing.gallery.show(self.playback.tensor(value) for value in results.values(self.playback, card))
        changed = card.leaf and self.standing.names.changed_leaf(card)
        label = self.words("card.value")
        return Row(f"{label} ✎" if changed else label, row, "cut" if changed else "value" if card.tracked else "quiet")

    def _grad_row(self, card: Card) -> Row:
        """The lowest row: ``.grad`` of a leaf, or what has arrived at the node."""
        if card.leaf:
            grad = self.before.grad(card.values[-1])
            return Row(
                ".grad", self.standing.gallery.show([grad]), "leaf" if grad is not None else "quiet", "leaf_soft"
            )
        playback = self.playback if card.id == self.card else self.before
        held = results.arrived(playback, card)
        return Row("v", self.standing.gallery.show(held), "grad" if any(held) else "quiet", "grad_soft" if held else "")

    def _subtitle(self, card: Card) -> tuple[str, str]:
        """The node's name; how many paths have arrived while it waits for more; what ``.grad`` was before."""
        error = self.standing.trace.error
        if card.failed and error is not None:
            return figures.clip(error.type, 30), "wrong"
        if card.healed:
            return self.words("card.healed"), "cut"
        buffer = results.waiting(self.before, card)
        if buffer is not None:
            paths = self.words("card.paths", done=len(buffer.contributions), all=buffer.expected)
            # The lowest row of a leaf is .grad, which gets the sum only when all has arrived.
            for held in results.arrived(self.before, card)[:1] if card.leaf else ():
                return f"{paths} · v {drawing.contribution(held)}", "wrong" if drawing.is_odd(held) else "grad"
            return paths, "grad"
        if card.leaf and card.id == self.card and self.motion is None:
            event, step = self.playback.event, self.playback.step
            told = step.grad_before if step is not None else event.before if event is not None else None
            if step is not None or (event is not None and event.kind == "grad"):
                return self.words("card.before", grad=drawing.short(told)), "leaf"
        return self.standing.names.node(card, results.node(self.playback, card)), "quiet"

    def _folded(self, sheet: Sheet, number: int, rect: Rect) -> None:
        standing = self.standing
        group = standing.group_at(number)
        text, share = figures.NOT_YET, 0.0
        if self.playback.current_pass is not None:
            at, low, high = standing.course.flow(group.id, self.playback.current_pass)
            done = int(np.searchsorted(at, self.before.cursor))
            if done:
                share = done / len(at)
                text = figures.span(float(low[done - 1]), float(high[done - 1]))
        drawing.folded(
            sheet, rect, standing.names.group(group.id), group.count, self._inside(group, number == self.current),
            None if group.kind == "data" else (self.words("group.size"), text), share, self._state(number),
        )  # fmt: skip

    def seeds(self, sheet: Sheet, view: Rect, only: Part | None = None) -> list[Rect]:
        """The seeds that are there; what they take up."""
        taken = []
        for unit in self.standing.seeds_of_unit:
            if only is not None and not only.units[unit]:
                continue
            seed, rect = self.standing.seed_now(unit, self.playback), self.standing.seed_rect(unit)
            if seed is not None and overlap(rect, view):
                drawing.seed(
                    sheet, rect, self.standing.unit_rect(unit), self.words("card.seed"),
                    self.standing.seeds_at.text(seed), changed=self.standing.trace.passes[seed.pass_].seeded,
                    current=seed.pass_ == self.pass_,
                )  # fmt: skip
                taken.append(rect)
        return taken

    # ── Lines ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def strand(self, sheet: Sheet, strand: Strand, chips: list[tuple[Strand, str, str]]) -> None:
        wires = [self.standing.graph.wires[wire] for wire in strand.wires]
        if self.lit_wires.intersection(strand.wires) or any(map(self._arriving, wires)):
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
            values = self.standing.trace.values
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
        group = self.standing.group_at(box)
        rect = self.standing.unit_rect(box)
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
            colour = "quiet" if gradient is None else "wrong" if drawing.is_odd(gradient) else "grad"
            text = drawing.contribution(gradient)
            found.append((text, colour, passage.source == self.playback.node))
        return found

    def _arriving(self, wire: Wire) -> bool:
        """Whether it is told now what has come along a wire."""
        part, key = self.playback.inside, self.playback.upcoming
        if part is None or part.path == 0 or key is None:
            return False
        told = self.playback.arrived(key).contributions[part.path - 1]
        place = ((key[0], told.source), told.slot)
        return any((passage.source, passage.source_slot) == place for passage in wire.passages)

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
            any(overlap(drawing.chip_at(strand.route, text, place / (len(along) - 1)), self.standing.unit_rect(end))
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
            own, rest = self.standing.shares(strand, drawing.said_width(text) + 2 * drawing.CHIP_PAD, ends)
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
