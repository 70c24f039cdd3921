"""What a card's results hold at a moment, and the gradients that have arrived for them."""

from __future__ import annotations

from collections.abc import Iterator

from core.playback import Buffer, NodeKey, Playback
from core.records import TensorSnapshot
from gui.picture.cards import Card


def values(playback: Playback, card: Card) -> list[int]:
    """The value that each result holds now; before it exists, the first that it will hold."""
    return [
        next((value for value in reversed(result.values) if playback.exists(value)), result.values[0])
        for result in card.results
    ]


def versions(card: Card) -> Iterator[list[int]]:
    """Every set of values that a card ever shows together."""
    for turn in range(max((len(result.values) for result in card.results), default=0)):
        yield [result.values[min(turn, len(result.values) - 1)] for result in card.results]


def node(playback: Playback, card: Card) -> NodeKey | None:
    """The node that a card shows now: the one being told, else the main one of the latest pass that knows it."""
    if playback.subject in card.nodes:
        return playback.subject
    latest: NodeKey | None = None
    for key in card.nodes:
        if (latest is None or key[0] > latest[0]) and playback.began(key[0]):
            latest = key
    return latest


def gradients(playback: Playback, card: Card, number: int) -> list[TensorSnapshot | None]:
    """What has arrived in a pass for each result; None where nothing has."""
    found = []
    for result in card.results:
        key, slot = next((place for place in result.receives if place[0][0] == number), (None, 0))
        held = playback.held(key) if key is not None else ()
        found.append(held[slot] if slot < len(held) else None)
    return found


def altered(playback: Playback, card: Card) -> str:
    """What a hook has changed at the node that a card shows: as in ``Step.altered``."""
    key = node(playback, card)
    step = playback.emitted(key) if key is not None else None
    return step.altered if step is not None else ""


def waiting(playback: Playback, card: Card) -> Buffer | None:
    """What a node of a card has got while it waits for more; None where none does."""
    main = node(playback, card)
    if main is None or main == playback.subject:
        return None
    for key in (main, *_others(card, main)):
        buffer = playback.arrived(key)
        if playback.emitted(key) is None and 0 < len(buffer.contributions) < buffer.expected:
            return buffer
    return None


def _others(card: Card, main: NodeKey) -> list[NodeKey]:
    """The nodes of the same pass that a card has besides one."""
    return [key for key in card.nodes if key[0] == main[0] and key != main]


def arrived(playback: Playback, card: Card) -> tuple[TensorSnapshot | None, ...]:
    """What a card shows as v: of the node that has just run, else of the nodes its results come from, in their order.

    () while nothing has arrived.
    """
    key = node(playback, card)
    if key is None:
        return ()
    others = _others(card, key)
    if others and key != playback.subject:
        each = gradients(playback, card, key[0])
        if any(gradient is not None for gradient in each):
            last = max(place for place, gradient in enumerate(each) if gradient is not None)
            return tuple(each[: last + 1])
        return next((held for other in (key, *others) if (held := playback.held(other))), ())
    return playback.held(key)
