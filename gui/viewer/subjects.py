"""What can be opened in the viewer: tensors of a trace, each with a name and the place the worker knows it by."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from core.places import place_of
from core.playback import Playback
from core.records import TensorSnapshot, Trace
from gui import context, figures
from gui.i18n import Words
from gui.picture import results
from gui.picture.cards import Card

LONGEST = 60
"""Letters of a name at most."""


@dataclass(frozen=True, slots=True)
class Subject:
    """One tensor.

    Attributes:
        title: what it is called.
        tensor: its value as the trace holds it.
        place: in the trace, as in ``core.places``; '' for a sum that stands nowhere in it.
    """

    title: str
    tensor: TensorSnapshot
    place: str


Of = Callable[[Playback, Card, Words], list[Subject]]
"""Finds what a card holds."""


def values(playback: Playback, card: Card, words: Words) -> list[Subject]:
    """The results of a card that are there by now."""
    return [
        Subject(
            words("viewer.value", name=figures.clip(one.name or card.title, LONGEST)),
            one.value,
            place_of(playback.trace, one.value),
        )
        for one in context.told(playback, card)
        if one.value is not None
    ]


def gradients(playback: Playback, card: Card, words: Words) -> list[Subject]:
    """``.grad`` of a leaf, or what has arrived for each result of a card."""
    key = results.node(playback, card)
    node = playback.trace.passes[key[0]].nodes[key[1]].name if key is not None else ""
    found = []
    for one in context.told(playback, card):
        if one.gradient is not None:
            arrived = words("viewer.grad_outputs", node=node) + (f" ({one.name})" if one.name else "")
            title = f"{card.title}.grad" if card.leaf else arrived
            found.append(Subject(title, one.gradient, place_of(playback.trace, one.gradient)))
    return found


def subject(trace: Trace, tensor: TensorSnapshot, words: Words) -> Subject:
    """Any tensor of a trace, called by where it stands."""
    place = place_of(trace, tensor)
    return Subject(_title(trace, place, words), tensor, place)


def _title(trace: Trace, place: str, words: Words) -> str:
    match place.split("/"):
        case ["value", number]:
            return words("viewer.value", name=_name(trace, int(number)))
        case ["seed", *_]:
            return words("card.seed")
        case ["leaf", name]:
            return f"{name}.grad"
        case ["event", number, _]:
            event = trace.events[int(number)]
            name = _name(trace, event.value) if event.value is not None else ""
            return f"{name}.grad" if event.kind == "grad" else words("viewer.value", name=name)
        case ["step", number, index, field, *slot]:
            step = trace.passes[int(number)].steps[int(index)]
            node = trace.passes[int(number)].nodes[step.node]
            if field.startswith("grad_") and not slot:
                return f"{_name(trace, node.value)}.grad" if node.value is not None else node.name
            named = step.saved[int(slot[0])].name if field == "saved" else ""
            return words(f"viewer.{field}", node=node.name, n=slot[0], name=named)
    return words("viewer.unplaced")


def _name(trace: Trace, value: int) -> str:
    """What the program calls a value, or how it made it."""
    names = trace.values[value].names
    made = (op.text or op.name for op in trace.ops if value in op.outputs)
    return figures.clip(names[0] if names else next(made, f"#{value}"), LONGEST)
