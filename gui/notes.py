"""What is told of the thing the pointer rests on: a heading, and lines below it."""

from __future__ import annotations

from core.playback import Playback
from core.records import TensorSnapshot, WhatIf
from gui import context, figures
from gui.i18n import Words
from gui.picture import results
from gui.picture.cards import Card, Graph, Wire
from gui.picture.scene import Hit, Picture

LONGEST = 1200
"""Characters of a note at most."""

Note = tuple[str, str]
"""Heading and lines; both '' for nothing to tell."""


def note(playback: Playback, picture: Picture, what_if: WhatIf, hit: Hit, words: Words) -> Note:
    """The note on whatever was hit."""
    graph = picture.graph
    if hit.kind == "wire" and hit.wire is not None:
        return on_wire(playback, graph, graph.wires[hit.wire], words)
    if hit.kind == "bundle":
        cuts = context.cuts_of_bundle(playback, graph, hit.wires)
        undo = any(cut in what_if.cuts for cut in cuts)
        return "", words("tip.unbundle" if undo else "tip.bundle", n=len(cuts)) if cuts else ""
    if hit.kind == "group" and hit.group is not None:
        count = picture.operations(hit.group)
        size = words("group.operations" if count != 1 else "group.operation", n=count)
        return picture.groups[hit.group].name, f"{size}\n{words('tip.group')}"
    if hit.kind in ("card", "chip") and hit.card is not None:
        return on_card(playback, graph.cards[hit.card], words)
    return "", words(f"tip.{hit.kind}") if hit.kind in ("seed", "scissors", "fold") else ""


def on_card(playback: Playback, card: Card, words: Words) -> Note:
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
    shown = context.told(playback, card)
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
    if altered == "reader":
        lines.append(words("inspect.reader"))
    elif altered:
        lines.append(words("inspect.hook", what=words(f"inspect.hook.{altered}")))
    return card.title, "\n".join(lines)


def _long(snapshot: TensorSnapshot, among: int = 1) -> str:
    """A tensor in full, shorter where it is told with others."""
    return figures.clip(context.in_full([snapshot]), LONGEST // among)


def on_wire(playback: Playback, graph: Graph, wire: Wire, words: Words) -> Note:
    """Heading and lines on an edge: the gradient that passed it last, and what a click does."""
    lines = []
    begun = [passage for passage in wire.passages if playback.began(passage.source[0])]
    for passage in sorted(begun, key=lambda passage: passage.source[0])[-1:]:
        step = playback.emitted(passage.source)
        if step is not None and passage.source_slot < len(step.grad_inputs):
            gradient = step.grad_inputs[passage.source_slot]
            lines.append(_long(gradient) if gradient is not None else "None")
    if context.heal_of(playback, graph, wire) is not None:
        lines.append(words("tip.heal"))
    elif context.cut_of_use(playback, graph, wire) is not None:
        lines.append(words("tip.uncut" if wire.cut else "tip.cut"))
    return f"{graph.cards[wire.source].title} → {graph.cards[wire.target].title}", "\n".join(lines)
