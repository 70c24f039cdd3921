"""What can be done with a card or an edge: run to it, cut it, heal it, tell it in full."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from core.playback import NEVER, Playback
from core.records import Cut, TensorSnapshot
from gui import figures, results
from gui.cards import DETACHING, Card, Graph, Wire
from gui.i18n import Words

IN_FULL = 1000
"""Elements written out where a value is told in full."""
LONGEST = 1200
"""Characters of it at most."""


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


def note(playback: Playback, card: Card, words: Words) -> tuple[str, str]:
    """Heading and lines on a card whose text is cut short in the picture."""
    trace = playback.trace
    lines = []
    if card.op is not None:
        op = trace.ops[card.op]
        expression = figures.clip(op.text, LONGEST)
        if expression and expression != card.title:
            lines.append(expression)
        if op.line:
            lines[-1:] = [f"{lines[-1]}   {words('inspect.line', line=op.line)}"] if lines else []
    shown = told(playback, card)
    for one in shown:
        before = f"{one.name}  " if one.name else ""
        if one.value is not None:
            lines.append(f"{before}{words('card.value')}  {_long(one.value, len(shown))}")
            lines.append(f"{one.value.dtype} {list(one.value.shape)}")
        if one.gradient is not None:
            lines.append(f"{before}{'.grad' if card.leaf else 'v'}  {_long(one.gradient, len(shown))}")
    buffer = results.waiting(playback, card)
    if buffer is not None and card.leaf:
        lines.append(words("card.paths", done=len(buffer.contributions), all=buffer.expected))
        lines += [f"v  {_long(held)}" for held in results.arrived(playback, card) if held is not None]
    altered = results.altered(playback, card)
    if altered:
        lines.append(words("inspect.hook", what=words(f"inspect.hook.{altered}")))
    return card.title, "\n".join(lines)


def _long(snapshot: TensorSnapshot, among: int = 1) -> str:
    """A tensor in full, shorter where it is told with others."""
    return figures.clip(in_full([snapshot]), LONGEST // among)


def wire_note(playback: Playback, graph: Graph, wire: Wire, words: Words) -> tuple[str, str]:
    """Heading and lines on an edge: the gradient that passed it last, and what a click does."""
    lines = []
    begun = [passage for passage in wire.passages if playback.began(passage.source[0])]
    for passage in sorted(begun, key=lambda passage: passage.source[0])[-1:]:
        step = playback.emitted(passage.source)
        if step is not None and passage.source_slot < len(step.grad_inputs):
            gradient = step.grad_inputs[passage.source_slot]
            lines.append(_long(gradient) if gradient is not None else "None")
    if heal_of(playback, graph, wire) is not None:
        lines.append(words("tip.heal"))
    elif cut_of_use(playback, graph, wire) is not None:
        lines.append(words("tip.uncut" if wire.cut else "tip.cut"))
    return f"{graph.cards[wire.source].title} → {graph.cards[wire.target].title}", "\n".join(lines)
