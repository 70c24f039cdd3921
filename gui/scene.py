"""Playback and layout → shapes and texts; knows neither Tk nor matplotlib."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Literal

import numpy as np

from core import layout
from core.playback import Index, NodeKey, Playback
from core.records import TensorSnapshot, Trace
from gui import cards, figures
from gui.cards import Card, Wire
from gui.groups import Folding
from gui.i18n import Words

Rect = tuple[float, float, float, float]
"""left, top, right, bottom."""

TITLE, BODY, SMALL = 14.0, 13.0, 11.0
HEAD, ROW, PAD = 50.0, 31.0, 12.0
WIDEST = 276.0
CHIP = 23.0
TEXT_LIMIT, CHIP_LIMIT = 26, 20
READABLE = 0.42
"""Below this scale text is not drawn."""
OUTLINES = 0.14
"""Below this scale cards are plain rectangles."""
CHIP_BUDGET = 80
SEED_HEIGHT, SEED_DROP = 54.0, 26.0
MARGIN = 20.0
MANY_USES, LARGE_GRAPH = 7, 60
"""From how many uses on a value is drawn again beside its users; three for inputs of graphs of that many cards."""


@dataclass(frozen=True, slots=True)
class Box:
    """A rounded rectangle; colours are names of the theme, '' is none. ``square`` corners: '' or 'top'."""

    x: float
    y: float
    width: float
    height: float
    fill: str = ""
    line: str = ""
    weight: float = 1.0
    radius: float = 9.0
    dashed: bool = False
    square: str = ""


@dataclass(frozen=True, slots=True)
class Curve:
    """A chain of cubic Bézier curves, with an arrow head 'at' its 'end' or 'start', or none."""

    points: tuple[layout.Point, ...]
    line: str
    weight: float = 1.5
    dashed: bool = False
    arrow: str = ""


@dataclass(frozen=True, slots=True)
class Boxes:
    """Many plain rectangles of one colour: rows of left, top, right, bottom."""

    rects: np.ndarray
    fill: str


@dataclass(frozen=True, slots=True)
class Raster:
    """A small picture filling a rectangle, its elements sharp squares: ``rgba`` is rows × columns × 4 bytes."""

    x: float
    y: float
    width: float
    height: float
    rows: int
    columns: int
    rgba: bytes


@dataclass(frozen=True, slots=True)
class Label:
    """One line of text, centred on y; anchor 'w', 'e' or 'c' says what x is."""

    x: float
    y: float
    text: str
    colour: str
    size: float = BODY
    anchor: str = "w"
    bold: bool = False
    mono: bool = True


Shape = Box | Curve | Boxes | Raster


@dataclass(frozen=True, slots=True)
class Scene:
    """Shapes from back to front, and the texts above them."""

    shapes: tuple[Shape, ...] = ()
    labels: tuple[Label, ...] = ()


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
        kind: 'card'; 'group' a folded group; 'fold' what folds or unfolds one; 'wire'; 'seed'; 'chip' a value drawn
            again beside its user; 'scissors' of a card, which cut all its uses.
        card, wire, group: ids, where the kind has them (of a seed and a chip: the card they belong to).
        seed: of kind 'seed'.
    """

    kind: Literal["card", "group", "fold", "wire", "seed", "chip", "scissors"]
    card: int | None = None
    wire: int | None = None
    group: str | None = None
    seed: Seed | None = None


@dataclass(frozen=True, slots=True)
class Related:
    """What a card depends on and what depends on it: ids of cards, and of the wires between them."""

    ancestors: frozenset[int] = frozenset()
    descendants: frozenset[int] = frozenset()
    wires: frozenset[int] = frozenset()


@dataclass
class _Sheet:
    """A scene while it is being drawn."""

    shapes: list[Shape] = field(default_factory=list)
    labels: list[Label] = field(default_factory=list)


@lru_cache(maxsize=20_000)
def text_width(text: str, size: float, mono: bool = True) -> float:
    """A safe estimate, so that a picture comes out the same wherever it is drawn."""
    wide = sum(unicodedata.east_asian_width(char) in "WF" for char in text)
    return (wide * 1.02 + (len(text) - wide) * (0.605 if mono else 0.61)) * size


def short(snapshot: TensorSnapshot | None, limit: int = TEXT_LIMIT) -> str:
    """A tensor in at most ``limit`` characters: numbers, or else shape and range."""
    text = figures.tensor(snapshot)
    if len(text) > limit and snapshot is not None:
        text = figures.summary(snapshot)
    return figures.clip(text, limit)


def shorts(snapshots: Iterable[TensorSnapshot | None], limit: int = TEXT_LIMIT) -> str:
    """Several tensors: of an operation with several results."""
    parts = [short(snapshot, limit) for snapshot in snapshots]
    return figures.clip("; ".join(parts), limit) if parts else figures.NOT_YET


class Picture:
    """The picture of a trace: cards and places are fixed, ``scene`` shows them at any moment.

    Args:
        folding: which groups are folded.
        previous: the picture shown before; what both show stays where it was, as far as it can.
    """

    def __init__(
        self, trace: Trace, index: Index, folding: Folding | None = None, previous: Picture | None = None
    ) -> None:
        self.trace = trace
        self.index = index
        self.folding = folding or Folding()
        self.graph = cards.build(trace, index)
        self.seeds = self._find_seeds()
        own = [self._card_size(card) for card in self.graph.cards]
        self._seed_boxes = self._seed_sizes()
        # A seed hangs below its card; the same room above keeps the card in the middle of what is laid out.
        sizes = [
            (max(width, self._seed_boxes[card][0]), height + 2 * (SEED_DROP + SEED_HEIGHT))
            if card in self._seed_boxes
            else (width, height)
            for card, (width, height) in enumerate(own)
        ]
        self._stand_ins = self._find_stand_ins()
        sizes += [(text_width(self.graph.cards[card].title, BODY) + 2 * PAD, CHIP + 5) for card, _ in self._stand_ins]
        places = {use: len(own) + number for number, use in enumerate(self._stand_ins)}
        links = [(places.get((wire.source, wire.target), wire.source), wire.target) for wire in self.graph.wires]
        ports = [height for _, height in own] + [CHIP] * len(self._stand_ins)
        self.layout = layout.arrange(sizes, links, gap=self._gap(), ports=ports)
        corners = np.array(self.layout.corners[: len(own)], dtype=float).reshape(-1, 2)
        self._stand_in_rects = np.array(
            [(x, y, x + w, y + h) for (x, y), (w, h) in zip(self.layout.corners, sizes, strict=True)][len(own) :],
            dtype=float,
        ).reshape(-1, 4)
        inner = np.array(own, dtype=float).reshape(-1, 2)
        corners[:, 1] += (np.array(sizes, dtype=float).reshape(-1, 2)[: len(own), 1] - inner[:, 1]) / 2
        inner[:, 0] = np.array(sizes, dtype=float).reshape(-1, 2)[: len(own), 0]
        self._rects = np.hstack([corners, corners + inner])
        self._wire_rects = np.array([_bounds(route) for route in self.layout.routes], dtype=float).reshape(-1, 4)
        self._born = np.array([self._birth(card) for card in self.graph.cards], dtype=np.int64)

    # ── Where things are ──────────────────────────────────────────────────────────────────────────────────────────

    @cached_property
    def bounds(self) -> Rect:
        """Everything, with a margin."""
        if not self.graph.cards:
            return (0.0, 0.0, 1.0, 1.0)
        rects = np.vstack(
            [self._rects, self._stand_in_rects, *(np.array([self._seed_rect(card)]) for card in self._seed_boxes)]
        )
        left, top = rects[:, :2].min(axis=0) - MARGIN
        right, bottom = rects[:, 2:].max(axis=0) + MARGIN
        return (float(left), float(top), float(right), float(bottom))

    def rect(self, card: int) -> Rect:
        left, top, right, bottom = self._rects[card]
        return (float(left), float(top), float(right), float(bottom))

    @property
    def rects(self) -> np.ndarray:
        """Left, top, right, bottom of every card and folded group that is drawn, in rows."""
        return self._rects

    def hit(self, x: float, y: float, playback: Playback, tolerance: float = 7.0) -> Hit | None:
        """What lies under a point at this moment; wires from ``tolerance`` away."""
        seed = self.seed_at(x, y, playback)
        if seed is not None:
            return Hit("seed", card=seed.card, seed=seed)
        card = self.card_at(x, y, playback)
        if card is not None:
            return Hit("card", card=card)
        wire = self.wire_at(x, y, playback, tolerance)
        return None if wire is None else Hit("wire", wire=wire.id)

    def related(self, card: int) -> Related:
        """Everything a card was computed from and everything computed from it."""
        up: dict[int, list[Wire]] = {}
        down: dict[int, list[Wire]] = {}
        for wire in self.graph.wires:
            up.setdefault(wire.target, []).append(wire)
            down.setdefault(wire.source, []).append(wire)
        wires: set[int] = set()
        found: list[frozenset[int]] = []
        for ways, end in ((up, "source"), (down, "target")):
            seen, todo = {card}, [card]
            while todo:
                for wire in ways.get(todo.pop(), ()):
                    wires.add(wire.id)
                    other: int = getattr(wire, end)
                    if other not in seen:
                        seen.add(other)
                        todo.append(other)
            found.append(frozenset(seen - {card}))
        return Related(found[0], found[1], frozenset(wires))

    def search(self, text: str) -> tuple[int, ...]:
        """Cards by name, expression, node name, ``line 12`` or ``:12``, or shape such as ``[4, 3]`` or ``4×3``."""
        wanted = " ".join(text.lower().split())
        if not wanted:
            return ()
        line = re.fullmatch(r"(?:line |:|第 ?)(\d+)(?: ?行)?", wanted)
        sizes = re.fullmatch(r"[\[(]?\s*(\d+(?:\s*[,×x]\s*\d+)*)\s*,?\s*[\])]?", wanted)
        shape = tuple(map(int, re.findall(r"\d+", sizes[1]))) if sizes and not wanted.isdigit() else None
        found = []
        for card in self.graph.cards:
            op = None if card.op is None else self.trace.ops[card.op]
            if line:
                match = op is not None and op.line == int(line[1])
            elif shape is not None:
                match = any(self.trace.values[value].shape == shape for value in card.values)
            else:
                match = any(wanted in said for said in self._said(card))
            if match:
                found.append(card.id)
        return tuple(found)

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
        for card in np.nonzero(_inside(self._rects, (x, y, x, y)))[0]:
            if self._born[card] < playback.cursor:
                return int(card)
        for place in np.nonzero(_inside(self._stand_in_rects, (x, y, x, y)))[0]:
            source, target = self._stand_ins[place]
            if max(self._born[source], self._born[target]) < playback.cursor:
                return source
        return None

    def seed_at(self, x: float, y: float, playback: Playback) -> Seed | None:
        """The visible seed under a point."""
        for card in self._seed_boxes:
            seed = self._seed_now(card, playback)
            if seed is not None and _overlap(self._seed_rect(card), (x, y, x, y)):
                return seed
        return None

    def wire_at(self, x: float, y: float, playback: Playback, tolerance: float = 7.0) -> Wire | None:
        """The visible wire nearest to a point."""
        near = (x - tolerance, y - tolerance, x + tolerance, y + tolerance)
        best, closest = None, tolerance
        for place in np.nonzero(_inside(self._wire_rects, near))[0]:
            if not self._shows(self.graph.wires[place], playback):
                continue
            away = float(np.min(np.hypot(*(_sample(self.layout.routes[place]) - (x, y)).T)))
            if away <= closest:
                best, closest = self.graph.wires[place], away
        return best

    def current_card(self, playback: Playback) -> int | None:
        """The card that the last event is about."""
        event = playback.event
        if event is None:
            return None
        if playback.node is not None:
            return self.graph.card_of_node.get(playback.node)
        if event.op is not None:
            return self.graph.card_of_op.get(event.op)
        if event.value is not None:
            return self.graph.card_of_value.get(event.value)
        if event.pass_ is not None and event.kind == "pass":
            return next((seed.card for seed in self.seeds if seed.pass_ == event.pass_), None)
        return None

    def _birth(self, card: Card) -> int:
        """Position of the event that brings a card."""
        if card.op is not None:
            return self.index.op_at.get(card.op, 1 << 60)
        if card.values:
            return min(self.index.value_at.get(value, 0) for value in card.values)
        return min((self.index.pass_at.get(number, 1 << 60) for number, _ in card.nodes), default=1 << 60)

    def _shows(self, wire: Wire, playback: Playback) -> bool:
        return bool(max(self._born[wire.source], self._born[wire.target]) < playback.cursor)

    # ── Sizes: of what a card will ever say, so that nothing moves while stepping ─────────────────────────────────

    def _card_size(self, card: Card) -> layout.Size:
        rows = [text_width(card.title, TITLE), text_width(self._node_name(card), SMALL, False)]
        rows.append(44 + text_width(shorts(self.trace.values[v].tensor for v in card.values), BODY))
        for number, node in card.nodes:
            step = self.index.step_of.get((number, node))
            label = 30
            if step is not None:
                taken = self.trace.passes[number].steps[step]
                rows.append(label + text_width(shorts(taken.grad_outputs), BODY))
        if card.leaf:
            history = self.index.grads.get(self.index.leaf_of.get(card.values[-1], card.values[-1]))
            rows += [50 + text_width(short(grad), BODY) for grad in (history.states if history else ())]
        height = HEAD + ROW * (bool(card.values) + card.tracked)
        return (min(WIDEST, max(104.0, max(rows) + 2 * PAD)), height)

    def _find_seeds(self) -> tuple[Seed, ...]:
        found: dict[tuple[int, int], list[int]] = {}
        for number, backward in enumerate(self.trace.passes):
            for slot, (node, _) in enumerate(backward.roots):
                card = self.graph.card_of_node.get((number, node))
                if card is not None:
                    found.setdefault((number, card), []).append(slot)
        return tuple(Seed(number, tuple(slots), card) for (number, card), slots in found.items())

    def _find_stand_ins(self) -> list[tuple[int, int]]:
        """(card, user) where a value used in many places is drawn again as a chip beside the user.

        A weight used at each turn of a loop would otherwise send a wire across the whole picture for each.
        """
        computed = {wire.target for wire in self.graph.wires}
        users: dict[int, list[int]] = {}
        for wire in self.graph.wires:
            if wire.target not in users.setdefault(wire.source, []):
                users[wire.source].append(wire.target)
        few = MANY_USES if len(self.graph.cards) < LARGE_GRAPH else 3
        return [
            (card, user)
            for card, found in users.items()
            if len(found) >= (MANY_USES if card in computed else few)
            for user in found[1:]
        ]

    def _seed_text(self, seed: Seed) -> str:
        seeds = self.trace.passes[seed.pass_].seeds
        return shorts((seeds[slot] for slot in seed.slots if slot < len(seeds)), CHIP_LIMIT)

    def _seed_sizes(self) -> dict[int, layout.Size]:
        """Per card with seeds, the size of the box for the longest of them."""
        sizes: dict[int, layout.Size] = {}
        for seed in self.seeds:
            width = max(92.0, text_width(self._seed_text(seed), BODY) + 2 * PAD, sizes.get(seed.card, (0.0,))[0])
            sizes[seed.card] = (width, SEED_HEIGHT)
        return sizes

    def _seed_rect(self, card: int) -> Rect:
        left, _, right, bottom = self.rect(card)
        width, height = self._seed_boxes[card]
        middle = (left + right) / 2
        return (middle - width / 2, bottom + SEED_DROP, middle + width / 2, bottom + SEED_DROP + height)

    def _seed_now(self, card: int, playback: Playback) -> Seed | None:
        """The seed shown at a card: of the pass that began last."""
        begun = [seed for seed in self.seeds if seed.card == card and playback.began(seed.pass_)]
        return max(begun, key=lambda seed: self.index.pass_at[seed.pass_], default=None)

    def _gap(self) -> float:
        """Room between columns for the contributions on the wires."""
        longest = 0.0
        for backward in self.trace.passes[:4]:
            for step in backward.steps[:100]:
                for gradient in step.grad_inputs:
                    longest = max(longest, text_width(short(gradient, CHIP_LIMIT), BODY))
        return max(60.0, min(190.0, longest + 40.0))

    def _node_name(self, card: Card) -> str:
        if not card.nodes:
            return "" if card.op is None else self.trace.ops[card.op].name
        number, node = card.nodes[0]
        inner = len({key[1] for key in card.nodes if key[0] == number}) - 1
        name = self.trace.passes[number].nodes[node].name
        if not card.values and card.op is None:
            return ""
        return f"{name} +{inner}" if inner else name

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
        shown = _inside(self._rects, view) & (self._born < playback.cursor)
        current = self.current_card(playback)
        sheet = _Sheet()
        wires = np.nonzero(_inside(self._wire_rects, view))[0]
        chips: list[tuple[Wire, str, str]] = []
        if scale >= OUTLINES or len(wires) <= 3000:
            for place in wires:
                if self._shows(self.graph.wires[place], playback):
                    self._draw_wire(sheet, self.graph.wires[place], playback, words, chips)
        visible = np.nonzero(shown)[0]
        if scale < OUTLINES:
            self._draw_far(sheet, visible, current)
            return Scene(tuple(sheet.shapes))
        for place in visible:
            self._draw_card(sheet, self.graph.cards[place], playback, words, current == place, selected == place)
        taken = [self.rect(int(card)) for card in visible]
        for place in np.nonzero(_inside(self._stand_in_rects, view))[0]:
            source, target = self._stand_ins[place]
            if max(self._born[source], self._born[target]) < playback.cursor:
                left, top, right, bottom = map(float, self._stand_in_rects[place])
                taken.append((left, top, right, bottom))
                self._draw_stand_in(sheet, self.graph.cards[source], taken[-1], current == source)
        for card in self._seed_boxes:
            seed = self._seed_now(card, playback)
            if seed is not None and _overlap(self._seed_rect(card), view):
                self._draw_seed(sheet, seed, playback, words)
                taken.append(self._seed_rect(card))
        if scale >= READABLE:
            self._draw_chips(sheet, chips, current, taken)
        return Scene(tuple(sheet.shapes), tuple(sheet.labels))

    def _draw_far(self, sheet: _Sheet, visible: np.ndarray, current: int | None) -> None:
        leaves = np.array([self.graph.cards[place].leaf for place in visible], dtype=bool)
        sheet.shapes.append(Boxes(self._rects[visible[~leaves]], "far"))
        sheet.shapes.append(Boxes(self._rects[visible[leaves]], "leaf"))
        if current is not None:
            sheet.shapes.append(Boxes(self._rects[current : current + 1], "accent"))

    def _draw_card(
        self, sheet: _Sheet, card: Card, playback: Playback, words: Words, current: bool, selected: bool
    ) -> None:
        left, top, right, bottom = self.rect(card.id)
        width, height = right - left, bottom - top
        line, weight = ("leaf", 1.6) if card.leaf else ("edge", 1.3)
        if current:
            sheet.shapes.append(Box(left - 4, top - 4, width + 8, height + 8, fill="halo", radius=13))
            line, weight = "accent", 2.6
        elif selected:
            line, weight = "accent", 1.6
        ink = "text" if card.tracked else "quiet"
        fill = "card" if card.tracked else "canvas"
        sheet.shapes.append(Box(left, top, width, height, fill=fill))
        sheet.labels.append(Label(left + PAD, top + 18, card.title, ink, TITLE, bold=card.tracked))
        key = self._node(card, playback)
        subtitle, colour = self._subtitle(card, key, playback, words)
        sheet.labels.append(Label(left + PAD, top + 36, subtitle, colour, SMALL, mono=False))
        sheet.shapes.append(Box(left, top + HEAD, width, 0, line="line", weight=1, radius=0))
        row = top + HEAD - ROW / 2
        if card.values:
            row += ROW
            said = shorts(playback.tensor(value) for value in card.values if playback.exists(value))
            if card.leaf:
                said = short(playback.tensor(card.values[-1]))
            self._row(sheet, left, right, row, words("card.value"), said, "value" if card.tracked else "quiet")
        if card.tracked:
            self._draw_gradient(sheet, card, key, playback, (left, row + ROW, right))
        if card.healed and not current:
            line = "cut"
        sheet.shapes.append(Box(left, top, width, height, line=line, weight=weight, dashed=not card.tracked))

    def _subtitle(self, card: Card, key: NodeKey | None, playback: Playback, words: Words) -> tuple[str, str]:
        """The node's name; how many paths have arrived while it waits for more."""
        if card.healed:
            return words("card.healed"), "cut"
        if key is not None and playback.emitted(key) is None:
            buffer = playback.arrived(key)
            if 0 < len(buffer.contributions) < buffer.expected:
                return words("card.paths", done=len(buffer.contributions), all=buffer.expected), "grad"
        return self._node_name(card), "quiet"

    def _draw_gradient(
        self, sheet: _Sheet, card: Card, key: NodeKey | None, playback: Playback, place: tuple[float, float, float]
    ) -> None:
        """The lowest row: ``.grad`` of a leaf, or what has arrived at the node."""
        left, row, right = place
        if card.leaf:
            grad = playback.grad(card.values[-1])
            self._row_fill(sheet, left, row, right, "leaf_soft")
            self._row(sheet, left, right, row, ".grad", short(grad), "leaf" if grad is not None else "quiet")
            return
        held = playback.held(key) if key else ()
        if held:
            self._row_fill(sheet, left, row, right, "grad_soft")
        self._row(sheet, left, right, row, "v", shorts(held), "grad" if any(held) else "quiet")

    def _row_fill(self, sheet: _Sheet, left: float, row: float, right: float, fill: str) -> None:
        sheet.shapes.append(Box(left, row - ROW / 2, right - left, ROW, fill=fill, square="top"))

    def _row(self, sheet: _Sheet, left: float, right: float, y: float, label: str, said: str, colour: str) -> None:
        sheet.labels.append(Label(left + PAD, y, label, "quiet", SMALL, mono=label.startswith(".")))
        sheet.labels.append(Label(right - PAD, y, said, colour, BODY, "e"))

    def _node(self, card: Card, playback: Playback) -> NodeKey | None:
        return cards.main_node(card, (number for number, _ in card.nodes if playback.began(number)))

    def _draw_wire(
        self, sheet: _Sheet, wire: Wire, playback: Playback, words: Words, chips: list[tuple[Wire, str, str]]
    ) -> None:
        route = self.layout.routes[wire.id]
        if wire.cut:
            sheet.shapes.append(Curve(route, "cut", 1.8, dashed=True, arrow="end"))
            chips.append((wire, f"✂ {words('card.cut') if wire.cut == 'cut' else wire.cut}", "cut"))
            return
        live = [passage for passage in wire.passages if playback.began(passage.source[0])]
        latest = max((passage.source[0] for passage in live), default=None)
        passed = False
        for passage in live:
            if passage.source[0] != latest:
                continue
            step = playback.emitted(passage.source)
            if step is None or passage.source_slot >= len(step.grad_inputs):
                continue
            gradient = step.grad_inputs[passage.source_slot]
            passed = passed or gradient is not None
            chips.append((wire, short(gradient, CHIP_LIMIT), "grad" if gradient is not None else "quiet"))
        if passed:
            sheet.shapes.append(Curve(route, "grad", 2.4, arrow="start"))
        elif wire.passages or wire.value is None or self.trace.values[wire.value].requires_grad:
            sheet.shapes.append(Curve(route, "edge", 1.6, arrow="end"))
        else:
            sheet.shapes.append(Curve(route, "edge", 1.0, arrow="end"))

    def _draw_seed(self, sheet: _Sheet, seed: Seed, playback: Playback, words: Words) -> None:
        left, top, right, bottom = self._seed_rect(seed.card)
        current = seed.pass_ == playback.current_pass
        changed = self.trace.passes[seed.pass_].seeded
        colour = "cut" if changed else "grad"
        x = (left + right) / 2
        stem = ((x, top - SEED_DROP), (x, top - 14), (x, top - 8), (x, top))
        sheet.shapes.append(Curve(stem, colour, 2.4, arrow="start"))
        line = colour if current else "edge"
        sheet.shapes.append(Box(left, top, right - left, bottom - top, f"{colour}_soft", line, 1.4, dashed=True))
        title = words("card.seed") + " ✎"
        sheet.labels.append(Label(left + PAD, top + 17, title, colour, SMALL, mono=False))
        sheet.labels.append(Label(left + PAD, top + 37, self._seed_text(seed), colour if current else "quiet"))

    def _draw_stand_in(self, sheet: _Sheet, card: Card, rect: Rect, current: bool) -> None:
        left, top, right, bottom = rect
        line = "accent" if current else "leaf" if card.leaf else "edge"
        fill = "leaf_soft" if card.leaf else "card"
        sheet.shapes.append(
            Box(left, top, right - left, bottom - top, fill, line, 2.4 if current else 1.3, dashed=not card.tracked)
        )
        colour = "leaf" if card.leaf else "text" if card.tracked else "quiet"
        sheet.labels.append(Label((left + right) / 2, (top + bottom) / 2, card.title, colour, BODY, "c"))

    def _draw_chips(
        self, sheet: _Sheet, chips: list[tuple[Wire, str, str]], current: int | None, taken: list[Rect]
    ) -> None:
        """What lies on the wires, moved along them so that nothing is covered."""
        if len(chips) > CHIP_BUDGET:
            chips = [chip for chip in chips if current in (chip[0].source, chip[0].target) or chip[2] == "cut"]
        for wire, text, colour in chips[: 2 * CHIP_BUDGET]:
            half = max(text_width(text, BODY) / 2 + 9, CHIP / 2)
            along = _sample(self.layout.routes[wire.id])
            for share in (0.5, 0.42, 0.58, 0.34, 0.66, 0.26, 0.74, 0.18, 0.82):
                x, y = along[int(share * (len(along) - 1))]
                rect = (x - half, y - CHIP / 2, x + half, y + CHIP / 2)
                if not any(_overlap(rect, other) for other in taken):
                    break
            else:
                # No free place: what the current card sends or receives is worth covering something, the rest not.
                if colour != "cut" and current not in (wire.source, wire.target):
                    continue
                x, y = along[len(along) // 2]
                rect = (x - half, y - CHIP / 2, x + half, y + CHIP / 2)
            taken.append(rect)
            fill = {"grad": "grad_soft", "cut": "cut_soft"}.get(colour, "card")
            line = colour if colour != "quiet" else "edge"
            sheet.shapes.append(Box(rect[0], rect[1], 2 * half, CHIP, fill, line, 1.1, CHIP / 2))
            sheet.labels.append(Label(float(x), float(y), text, colour, BODY, "c"))


def legend(words: Words, x: float, y: float, *, hints: bool = False) -> Scene:
    """What the colours mean, in one row; with ``hints``, also what can be clicked."""
    sheet = _Sheet()
    for key in ("grad", "edge", "cut", "leaf"):
        if key == "leaf":
            sheet.shapes.append(Box(x + 6, y - 6, 12, 12, line="leaf", weight=1.6, radius=3))
        else:
            line = ((x, y), (x + 7, y), (x + 13, y), (x + 20, y))
            sheet.shapes.append(Curve(line, key, 2.4 if key == "grad" else 1.8, dashed=key == "cut"))
        text = words("legend.cut.hint" if hints and key == "cut" else f"legend.{key}")
        sheet.labels.append(Label(x + 28, y, text, "quiet", 12.0, mono=False))
        x += 28 + (0.88 if words.language == "en" else 1.0) * text_width(text, 12.0, False) + 18
    return Scene(tuple(sheet.shapes), tuple(sheet.labels))


def _inside(rects: np.ndarray, view: Rect) -> np.ndarray:
    result: np.ndarray = (
        (rects[:, 2] >= view[0]) & (rects[:, 0] <= view[2]) & (rects[:, 3] >= view[1]) & (rects[:, 1] <= view[3])
    )
    return result


def _overlap(a: Rect, b: Rect) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def _bounds(route: tuple[layout.Point, ...]) -> Rect:
    xs, ys = [x for x, _ in route], [y for _, y in route]
    return (min(xs), min(ys), max(xs), max(ys))


@lru_cache(maxsize=20_000)
def _sample(route: tuple[layout.Point, ...]) -> np.ndarray:
    """Points along a route."""
    points = np.array(route, dtype=float)
    t = np.linspace(0, 1, 25)[:, None]
    parts = []
    for place in range(0, len(points) - 3, 3):
        a, b, c, d = points[place : place + 4]
        parts.append(a * (1 - t) ** 3 + 3 * b * t * (1 - t) ** 2 + 3 * c * t**2 * (1 - t) + d * t**3)
    return np.vstack(parts)
