"""When what is drawn appears and when gradients reach it: positions in the trace, compared with the cursor's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache, cached_property

import numpy as np

from core.playback import NEVER, Index, Playback
from core.records import TensorSnapshot, Trace
from gui import figures
from gui.picture.arrangement import Arrangement, Strand, Unit
from gui.picture.cards import Card, Graph
from gui.picture.contents import Contents
from gui.picture.drawing import Gallery
from gui.picture.groups import Group

Flow = tuple[np.ndarray, np.ndarray, np.ndarray]
"""Positions of the steps of a folded group, smallest and largest gradient size until each."""


class Oddities:
    """The cards of a trace that something is wrong with: NaN or Inf in them, or an error.

    Attributes:
        failing: the card of the node whose step raised.
    """

    def __init__(self, trace: Trace, index: Index, graph: Graph, gallery: Gallery) -> None:
        self._trace, self._index, self._graph, self._gallery = trace, index, graph, gallery
        error = trace.error
        self.failing = graph.card_of_node.get(error.node) if error is not None and error.node is not None else None
        self._courses = {card.id: courses for card in graph.cards if (courses := self._find(card))}

    def at(self, playback: Playback) -> dict[int, str]:
        """Cards with ✗ for what raised or ⚠ for NaN or Inf."""
        found = {
            card: "⚠" for card, courses in self._courses.items()
            if any(next((odd for at, odd in reversed(course) if at < playback.cursor), False) for course in courses)
        }  # fmt: skip
        for failed in self._graph.cards[-1:]:
            if failed.failed:
                found[failed.id] = "✗"
        if self.failing is not None and playback.at_end:
            found[self.failing] = "✗"
        return found

    def _find(self, card: Card) -> list[list[tuple[int, bool]]]:
        """Of a card's value and of its gradient, from where on they hold NaN or Inf or do not; () if they never do."""
        values = [
            (self._index.value_at.get(value, -1), self._gallery.odd(self._trace.values[value].tensor))
            for value in card.values
        ]
        grads = []
        for number, node in card.nodes:
            step = self._index.step_of.get((number, node))
            if step is not None:
                at = self._index.step_at.get((number, step), NEVER)
                flow = self._index.inflow((number, node))
                odd = any(map(self._gallery.odd, self._trace.passes[number].steps[step].grad_outputs))
                grads.append((min(at, flow[0].at) if flow else at, odd))
        if card.leaf:
            leaf = self._index.leaf_of.get(card.values[-1], card.values[-1])
            for history, course in ((self._index.datas, values), (self._index.grads, grads)):
                if leaf in history:
                    states = map(self._gallery.odd, history[leaf].states)
                    course += zip(history[leaf].positions, states, strict=True)
        return [sorted(values), sorted(grads)] if any(odd for _, odd in (*values, *grads)) else []


class Course:
    """What of an arrangement is there at a moment, and what gradients have reached.

    Attributes:
        born, strands_born, frames_born: the positions of the events that bring boxes, lines and open groups.
    """

    def __init__(
        self,
        trace: Trace,
        index: Index,
        graph: Graph,
        groups: Mapping[str, Group],
        contents: Contents,
        arranged: Arrangement,
    ) -> None:
        self._trace, self._index, self._graph, self._contents = trace, index, graph, contents
        self._units, self._strands, self._unit_of_card = arranged.units, arranged.strands, arranged.unit_of_card
        births = np.array([self._birth(card) for card in graph.cards], dtype=np.int64)
        self.born = np.array([self._unit_birth(unit, births) for unit in self._units], dtype=np.int64)
        self.strands_born = np.array([self._strand_birth(strand, births) for strand in self._strands], dtype=np.int64)
        frames = dict.fromkeys(arranged.frames, NEVER)
        for unit, born in zip(self._units, self.born.tolist(), strict=True):
            around = unit.around
            while around:
                frames[around] = min(frames[around], born)
                around = groups[around].parent
        self.frames_born = np.array(list(frames.values()), dtype=np.int64)
        self.flow = cache(self._flow)
        self._first_passages = cache(self._find_passages)
        self._first_arrivals = cache(self._find_arrivals)

    # ── What is there ─────────────────────────────────────────────────────────────────────────────────────────────

    def _birth(self, card: Card) -> int:
        """Position of the event that brings a card."""
        if card.failed:
            return len(self._trace.events) - 1
        if card.op is not None:
            return self._index.op_at.get(card.op, NEVER)
        if card.values:
            return min(self._index.value_at.get(value, 0) for value in card.values)
        return min((self._index.pass_at.get(number, NEVER) for number, _ in card.nodes), default=NEVER)

    def _unit_birth(self, unit: Unit, births: np.ndarray) -> int:
        if unit.group:
            return int(births[list(self._contents.of(unit))].min(initial=NEVER))
        assert unit.card is not None
        born = int(births[unit.card])
        if unit.user is not None:
            born = max(born, self._unit_birth(self._units[unit.user], births))
        return born

    def _strand_birth(self, strand: Strand, births: np.ndarray) -> int:
        wires = [self._graph.wires[wire] for wire in strand.wires]
        return int(min(max(births[wire.source], births[wire.target]) for wire in wires))

    # ── Where gradients have been ─────────────────────────────────────────────────────────────────────────────────

    def later(self, playback: Playback) -> bool:
        """Whether more than one pass has begun."""
        return sum(at < playback.cursor for at, _ in self._index.pass_order[:2]) > 1

    def running(self, playback: Playback) -> int | None:
        """The pass of the last step; while a pass that another one began has ended, the outer one again."""
        number = int(self._pass_at[playback.cursor])
        return None if number < 0 else number

    @cached_property
    def _pass_at(self) -> np.ndarray:
        """The pass that runs, or ran last, at every cursor; -1 before the first."""
        found, last = [-1], -1
        for event in self._trace.events:
            if event.kind in ("pass", "step") and event.pass_ is not None:
                last = event.pass_
            found.append(last)
        return np.array(found, dtype=np.int64)

    def passed(self, playback: Playback) -> tuple[np.ndarray, np.ndarray]:
        """Which lines a gradient of the current pass has run back along, and which only one of an earlier pass."""
        number = self.running(playback)
        if number is None:
            nothing = np.zeros(len(self._strands), dtype=bool)
            return nothing, nothing
        now = self._first_passages(number) < playback.cursor
        return now, (self._first_passages(None) < playback.cursor) & ~now

    def _find_passages(self, number: int | None) -> np.ndarray:
        """Position from which a gradient of one pass, or of any, has run back along each line."""
        first = np.full(len(self._strands), NEVER, dtype=np.int64)
        for place, strand in enumerate(self._strands):
            for passage in (p for wire in strand.wires for p in self._graph.wires[wire].passages):
                pass_ = passage.source[0]
                step = self._index.step_of.get(passage.source) if number in (None, pass_) else None
                emitted: Sequence[TensorSnapshot | None]
                emitted = () if step is None else self._trace.passes[pass_].steps[step].grad_inputs
                if step is not None and any(one is not None for one in emitted[passage.source_slot :][:1]):
                    first[place] = min(first[place], self._index.step_at.get((pass_, step), NEVER))
        return first

    def arrived(self, playback: Playback) -> np.ndarray:
        """Which boxes the gradient of the current pass has reached."""
        number = self.running(playback)
        if number is None:
            return np.zeros(len(self._units), dtype=bool)
        reached: np.ndarray = self._first_arrivals(number) < playback.cursor
        return reached

    def _find_arrivals(self, number: int) -> np.ndarray:
        first = np.full(len(self._units), NEVER, dtype=np.int64)
        for node in self._trace.passes[number].nodes:
            unit = self._unit_of_card.get(self._graph.card_of_node.get((number, node.id), -1))
            flow = self._index.inflow((number, node.id))
            if unit is not None and flow:
                first[unit] = min(first[unit], flow[0].at)
        return first

    def _flow(self, group: str, number: int) -> Flow:
        """Of a folded group in one pass."""
        found = []
        for card in self._contents.cards(group):
            for node in self._graph.cards[card].nodes:
                step = self._index.step_of.get(node) if node[0] == number else None
                if step is not None:
                    emitted = self._trace.passes[number].steps[step].grad_outputs
                    known = [size for g in emitted if g and (size := figures.extent(g).size) is not None]
                    found.append((self._index.step_at.get((number, step), NEVER), max(known, default=np.nan)))
        found.sort()
        at = np.array([position for position, _ in found], dtype=np.int64)
        sizes = np.array([size for _, size in found], dtype=float)
        return at, np.fmin.accumulate(sizes), np.fmax.accumulate(sizes)
