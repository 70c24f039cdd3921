"""The seeds of backward passes: at which card each hangs, what it says, how wide it is and when it is there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from core.playback import Index, Playback
from core.records import Trace
from gui.picture import drawing
from gui.picture.arrangement import Unit
from gui.picture.cards import Graph
from gui.picture.contents import Contents
from gui.picture.drawing import PAD

NARROWEST = 92.0


@dataclass(frozen=True, slots=True)
class Seed:
    """The seed of one pass at one card; ``slots`` are positions in ``Pass.seeds``."""

    pass_: int
    slots: tuple[int, ...]
    card: int


class Seeds:
    """All seeds of a trace."""

    def __init__(self, trace: Trace, index: Index, graph: Graph, contents: Contents) -> None:
        self._trace, self._index, self._contents = trace, index, contents
        slots: dict[tuple[int, int], list[int]] = {}
        for number, backward in enumerate(trace.passes):
            for slot, (node, _) in enumerate(backward.roots):
                card = graph.card_of_node.get((number, node))
                if card is not None:
                    slots.setdefault((number, card), []).append(slot)
        self.all = tuple(Seed(number, tuple(found), card) for (number, card), found in slots.items())
        self._of_card: dict[int, list[Seed]] = {}
        for seed in self.all:
            self._of_card.setdefault(seed.card, []).append(seed)

    def at(self, unit: Unit) -> list[Seed]:
        """Seeds that hang below a box or beside it."""
        if not self._of_card:
            return []
        return [seed for card in self._contents.of(unit) for seed in self._of_card.get(card, ())]

    def text(self, seed: Seed) -> str:
        seeds = self._trace.passes[seed.pass_].seeds
        return drawing.shorts(seeds[slot] for slot in seed.slots if slot < len(seeds))

    def width(self, unit: Unit) -> float:
        """What the widest seed of a box needs; 0 where there is none."""
        widths = [drawing.said_width(self.text(seed)) + 2 * PAD for seed in self.at(unit)]
        return max(NARROWEST, *widths) if widths else 0.0

    def now(self, seeds: Sequence[Seed], playback: Playback) -> Seed | None:
        """The one of several that is shown: of the pass that began last."""
        begun = [seed for seed in seeds if playback.began(seed.pass_)]
        return max(begun, key=lambda seed: self._index.pass_at[seed.pass_], default=None)
