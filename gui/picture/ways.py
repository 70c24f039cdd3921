"""What a card depends on and what depends on it: the wires of a graph, by the cards they join."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from core.records import Trace
from gui.picture.cards import Graph, Wire


@dataclass(frozen=True, slots=True)
class Related:
    """What a card depends on and what depends on it: ids of cards, and of the wires between them."""

    ancestors: frozenset[int] = frozenset()
    descendants: frozenset[int] = frozenset()
    wires: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Ways:
    """Wires by card.

    Attributes:
        up: those that end at a card.
        down: those that begin there.
        back: of those, the ones along which a gradient comes back, or would if they were not cut.
        alongside: from one card to another → ids of the wires that carry something.
    """

    up: Mapping[int, Sequence[Wire]]
    down: Mapping[int, Sequence[Wire]]
    back: Mapping[int, Sequence[Wire]]
    alongside: Mapping[tuple[int, int], Sequence[int]]

    @classmethod
    def of(cls, trace: Trace, graph: Graph) -> Ways:
        up: dict[int, list[Wire]] = {}
        down: dict[int, list[Wire]] = {}
        back: dict[int, list[Wire]] = {}
        alongside: dict[tuple[int, int], list[int]] = {}
        for wire in graph.wires:
            up.setdefault(wire.target, []).append(wire)
            down.setdefault(wire.source, []).append(wire)
            if wire.value is not None and (wire.cut == "cut" or trace.values[wire.value].requires_grad):
                back.setdefault(wire.source, []).append(wire)
            if wire.passages or wire.cut:
                alongside.setdefault((wire.source, wire.target), []).append(wire.id)
        return cls(up, down, back, alongside)

    def near(self, start: Collection[int]) -> frozenset[int]:
        """Some cards, and those that a wire joins with them."""
        wires = [wire for card in start for wire in (*self.up.get(card, ()), *self.down.get(card, ()))]
        return frozenset(start).union(*({wire.source, wire.target} for wire in wires))

    def related(self, start: Collection[int]) -> Related:
        """Everything that some cards were computed from and everything computed from them."""
        wires: set[int] = set()
        found: list[frozenset[int]] = []
        for ways, end in ((self.up, "source"), (self.down, "target")):
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
