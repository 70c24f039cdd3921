"""What boxes hold: the cards of a folded group, how many operations they are, in which turn of a loop each is."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, cached_property

from core.records import Trace
from gui.picture.arrangement import Unit
from gui.picture.cards import Card, Graph
from gui.picture.groups import Group


class Contents:
    """The contents of one trace's groups; each is found out once."""

    def __init__(self, trace: Trace, graph: Graph, groups: Mapping[str, Group]) -> None:
        self._trace, self._graph, self._groups = trace, graph, groups
        self.cards = cache(self._cards)
        self.operations = cache(self._operations)
        self.turns = cache(self._turns)

    def of(self, unit: Unit) -> tuple[int, ...]:
        """The cards that a box shows; a chip shows none, it only stands for one."""
        if unit.user is not None or (unit.card is None and not unit.group):
            return ()
        return self.cards(unit.group) if unit.card is None else (unit.card,)

    def _cards(self, group: str) -> tuple[int, ...]:
        """All cards of a group, at any depth."""
        inner = [card for name in self._groups[group].groups for card in self.cards(name)]
        return (*self._groups[group].cards, *inner)

    def _operations(self, group: str) -> int:
        """How many operations a group holds; leaves and data are none."""
        held = (self._graph.cards[card] for card in self.cards(group))
        return sum(not card.leaf and (bool(card.nodes) or self._has_inputs(card)) for card in held)

    def _has_inputs(self, card: Card) -> bool:
        return card.op is not None and bool(self._trace.ops[card.op].inputs)

    def turns_of(self, card: int) -> tuple[tuple[int, int], ...]:
        """Which turn of how many a card belongs to, of each loop around it from the outside in."""
        return tuple(self._around.get(card, ()))

    @cached_property
    def _around(self) -> dict[int, list[tuple[int, int]]]:
        found: dict[int, list[tuple[int, int]]] = {}
        for name, group in self._groups.items():  # outer ones first
            for card, turn in self.turns(name).items() if group.kind == "loop" else ():
                found.setdefault(card, []).append((turn, group.count))
        return found

    def _turns(self, group: str) -> dict[int, int]:
        """Cards of a loop, or of some of its turns, or of a row of equal blocks → in which of them they are, from 1."""
        found: dict[int, int] = {}
        numbered = 0
        for inner in self._groups[group].groups if self._groups[group].count > 1 else ():
            if self._groups[inner].count > 1 and self._groups[inner].kind == "turn":
                found.update((card, numbered + turn) for card, turn in self.turns(inner).items())
            else:
                found.update(dict.fromkeys(self.cards(inner), numbered + 1))
            numbered += self._groups[inner].count if self._groups[inner].kind == "turn" else 1
        return found
