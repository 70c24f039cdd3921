"""What can be done with a card or an edge: run to it, cut it, heal it, copy it in full."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from core.playback import NEVER, Playback
from core.records import Cut, TensorSnapshot
from gui import figures
from gui.picture import results
from gui.picture.cards import DETACHING, Card, Graph, Wire

IN_FULL = 1000
"""Elements written out where a value is told in full."""


def moment_of(playback: Playback, card: Card) -> int:
    """The cursor just after the next event of a card; after the last of them, its last."""
    index = playback.index
    places = [] if card.op is None else [index.op_at.get(card.op, NEVER)]
    for key in card.nodes:
        step = index.step_of.get(key)
        if step is not None:
            places.append(index.step_at.get((key[0], step), NEVER))
    places = sorted(place for place in places if place < NEVER)
    if not places:
        return playback.cursor
    return next((place for place in places if place >= playback.cursor), places[-1]) + 1


def operation_at(playback: Playback, line: int, column: int) -> int | None:
    """The operation of the smallest expression around a character; of several times the last that has run."""
    place = (line, column)
    around = [
        op for op in playback.trace.ops if op.line and op.span[:2] <= place < op.span[2:]
    ]  # spans are (line, column, end line, end column), ends exclusive
    if not around:
        return None
    smallest = max((op.span[:2], tuple(-end for end in op.span[2:])) for op in around)
    there = [op.id for op in around if (op.span[:2], tuple(-end for end in op.span[2:])) == smallest]
    return next((op for op in reversed(there) if playback.ran(op)), there[0])


def cut_of_use(playback: Playback, graph: Graph, wire: Wire) -> Cut | None:
    """The cut of one use of a value, or of all where all are cut; None where no gradient passes anyhow."""
    trace, use = playback.trace, graph.cards[wire.target].op
    if wire.slot is None or wire.value is None or use is None:
        return None
    producer = playback.index.producer.get(wire.value)
    if producer is not None and trace.ops[producer].cut == "detached":
        return Cut(trace.ops[producer].site)
    if not trace.values[wire.value].requires_grad:
        return None
    return Cut(trace.ops[producer].site if producer is not None else "", trace.ops[use].site, wire.slot)


def cuts_of_bundle(playback: Playback, graph: Graph, wires: Sequence[int]) -> list[Cut]:
    """The cuts of all uses that a line to or from a folded group stands for."""
    cuts = (cut_of_use(playback, graph, graph.wires[wire]) for wire in wires)
    return list(dict.fromkeys(cut for cut in cuts if cut is not None))


def clearing_at(playback: Playback) -> str:
    """The place where the program has just cleared ``.grad``, or was kept from it; '' anywhere else."""
    event = playback.event
    clears = event is not None and event.kind == "grad" and event.how in ("none", "zero")
    return event.site if clears and event is not None else ""


def cut_of_all(playback: Playback, card: Card) -> Cut | None:
    """The cut of all uses of a card's value."""
    trace = playback.trace
    if card.op is None:
        return None
    op = trace.ops[card.op]
    tracked = op.cut == "detached" or any(trace.values[value].requires_grad for value in card.values)
    return Cut(op.site) if tracked else None


def heal_of(playback: Playback, graph: Graph, wire: Wire) -> str | None:
    """The ``.detach()`` that an edge leads into, where a what-if may let gradients pass it, or has done so."""
    use = graph.cards[wire.target].op
    if wire.slot is None or use is None:
        return None
    op = playback.trace.ops[use]
    return op.site if op.name in DETACHING and (wire.cut == "detach" or op.cut == "healed") else None


@dataclass(frozen=True, slots=True)
class Told:
    """One result of a card: its name ('' of an only one), its value, and ``.grad`` of a leaf or what has arrived."""

    name: str
    value: TensorSnapshot | None
    gradient: TensorSnapshot | None


def told(playback: Playback, card: Card) -> list[Told]:
    """Every result of a card as it stands now."""
    if card.leaf:
        (value,) = results.values(playback, card)
        return [Told("", playback.tensor(value) if playback.exists(value) else None, playback.grad(card.values[-1]))]
    key = results.node(playback, card)
    gradients = results.gradients(playback, card, key[0]) if key is not None else [None] * len(card.results)
    if len(card.results) <= 1:
        gradients = [next(iter(results.arrived(playback, card)), None)]
    if not card.results:
        return [Told("", None, gradients[0])]
    found = []
    for place, (value, gradient) in enumerate(zip(results.values(playback, card), gradients, strict=True)):
        names = playback.trace.values[value].names
        name = (names[0] if names else f"[{place}]") if len(gradients) > 1 else ""
        found.append(Told(name, playback.tensor(value) if playback.exists(value) else None, gradient))
    return found


def in_full(snapshots: Sequence[TensorSnapshot | None]) -> str:
    """Tensors as they are copied: every element that was kept, several of them as a tuple; '' where there are none."""
    if all(snapshot is None for snapshot in snapshots):
        return ""
    texts = [figures.tensor(snapshot, small=IN_FULL) for snapshot in snapshots]
    return texts[0] if len(texts) == 1 else f"({', '.join(texts)})"
