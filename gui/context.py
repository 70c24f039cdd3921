"""What can be done with a card or an edge: run to it, cut it, heal it, tell it in full."""

from __future__ import annotations

from collections.abc import Sequence

from core.playback import NEVER, Playback
from core.records import Cut, TensorSnapshot
from gui import cards, figures
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


def value_of(playback: Playback, card: Card) -> TensorSnapshot | None:
    """The value a card shows now."""
    shown = [value for value in card.values if playback.exists(value)]
    return playback.tensor(shown[-1]) if shown else None


def gradient_of(playback: Playback, card: Card) -> TensorSnapshot | None:
    """``.grad`` of a leaf, or what has arrived at a card's node; None while there is none."""
    if card.leaf and card.values:
        return playback.grad(card.values[-1])
    key = cards.main_node(card, (number for number, _ in card.nodes if playback.began(number)))
    return next(iter(playback.held(key)), None) if key is not None else None


def in_full(snapshot: TensorSnapshot) -> str:
    """A tensor as it is copied: every element that was kept."""
    return figures.tensor(snapshot, small=IN_FULL)


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
    value = value_of(playback, card)
    if value is not None:
        lines.append(f"{words('card.value')}  {_long(value)}")
        lines.append(f"{value.dtype} {list(value.shape)}")
    gradient = gradient_of(playback, card)
    if gradient is not None:
        lines.append(f"{'.grad' if card.leaf else 'v'}  {_long(gradient)}")
    return card.title, "\n".join(lines)


def _long(snapshot: TensorSnapshot) -> str:
    return figures.clip(in_full(snapshot), LONGEST)


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
