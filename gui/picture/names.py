"""What cards and groups are called in the picture, and which cards are meant by a text."""

from __future__ import annotations

import re
from collections.abc import Mapping

from core.playback import NodeKey
from core.records import Trace
from gui import figures
from gui.picture import loops
from gui.picture.arrangement import Unit
from gui.picture.cards import Card, Graph
from gui.picture.groups import Group


class Names:
    """The names of one trace's cards and groups."""

    def __init__(self, trace: Trace, graph: Graph, groups: Mapping[str, Group]) -> None:
        self._trace, self._graph, self._groups = trace, graph, groups

    def node(self, card: Card, key: NodeKey | None = None) -> str:
        """The name of a card's node, or of the one of its nodes that is asked for, and how many more it has."""
        if not card.nodes:
            return "" if card.op is None else self._trace.ops[card.op].name
        number, node = card.nodes[0] if key is None else key
        inner = len({key[1] for key in card.nodes if key[0] == number}) - 1
        name = self._trace.passes[number].nodes[node].name
        if not card.values and card.op is None:
            return ""
        return f"{name} +{inner}" if inner else name

    def card(self, unit: Unit) -> str:
        """A card's name, without what the open group around it says already."""
        assert unit.card is not None
        card = self._graph.cards[unit.card]
        title = card.title
        if unit.others:
            return f"{title} +{len(unit.others)}"
        parts = self._groups[unit.around].name.split(".") if card.leaf else []
        for start in range(len(parts)):
            said = ".".join(parts[start:]) + "."
            if title.startswith(said):
                return title.removeprefix(said)
        return title

    def changed_leaf(self, card: Card) -> bool:
        """Whether the values of a leaf are a what-if's."""
        changed = self._trace.what_if.leaves
        return bool(changed) and any(
            name in changed for value in card.values for name in self._trace.values[value].names
        )

    def group(self, name: str) -> str:
        """A group's name; modules without what the groups around them say already."""
        group = self._groups[name]
        if group.kind == "turn":
            return f"[{group.first}]" if group.count == 1 else f"[{group.first}…{group.first + group.count - 1}]"
        parts = group.name.split(".") if group.kind in ("module", "repeat") else [group.name]
        return figures.clip(".".join(parts[-2:]) if parts[-1][:1].isdigit() else parts[-1], loops.NAME_LIMIT)

    def search(self, text: str) -> list[int]:
        """Cards by name, expression, node name, ``line 12`` or ``:12``, or shape such as ``[4, 3]`` or ``4×3``.

        Those that are called exactly so come first.
        """
        wanted = " ".join(text.lower().split())
        if not wanted:
            return []
        line = re.fullmatch(r"(?:line |:|第 ?)(\d+)(?: ?行)?", wanted)
        sizes = re.fullmatch(r"[\[(]?\s*(\d+(?:\s*[,×x]\s*\d+)*)\s*,?\s*[\])]?", wanted)
        shape = tuple(map(int, re.findall(r"\d+", sizes[1]))) if sizes and not wanted.isdigit() else None
        found = []
        for card in self._graph.cards:
            said = self._said(card)
            if line:
                match = card.op is not None and self._trace.ops[card.op].line == int(line[1])
            elif shape is not None:
                match = any(self._trace.values[value].shape == shape for value in card.values)
            else:
                match = any(wanted in name for name in said)
            if match:
                found.append((wanted not in said, card.id))
        return [card for _, card in sorted(found)]

    def _said(self, card: Card) -> list[str]:
        """Everything a card may be looked for by, in small letters."""
        op = None if card.op is None else self._trace.ops[card.op]
        said = [card.title, self.node(card)]
        said += [name for value in card.values for name in self._trace.values[value].names]
        said += [self._trace.passes[number].nodes[node].name for number, node in card.nodes]
        if op is not None:
            said += [op.text, op.name, op.module or ""]
        return [" ".join(part.lower().split()) for part in said]
