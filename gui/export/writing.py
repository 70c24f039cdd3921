"""An order → a file; needs no display."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from core import tracefile
from core.files import write_whole
from core.ledger import ledger_csv, ledger_json
from core.lessons.records import Lesson
from core.playback import Index, Playback
from core.records import Trace
from core.transcript import transcript
from gui.export import contact, film, still
from gui.export.beside import panels
from gui.export.blocks import caption_block
from gui.export.handout import handout, moments
from gui.export.knowledge import Knowledge
from gui.export.lesson_paper import lesson_handout
from gui.export.order import Order
from gui.export.page import LEAST, Page
from gui.export.products import product_of
from gui.export.watch import Watch
from gui.picture import cards
from gui.picture.cards import Card
from gui.picture.scene import Picture

Ask = Callable[[Sequence[int], Watch], Knowledge]
"""Moments that are told, to the Jacobians there."""


Told = Callable[[Watch], tuple[Lesson, Mapping[str, Trace]]]
"""A lesson, and the runs that its screens show."""


def nobody(cursors: Sequence[int], watch: Watch) -> Knowledge:
    """Where no program may run."""
    return Knowledge()


def export(
    trace: Trace,
    out_path: str | os.PathLike[str],
    order: Order,
    product: str = "",
    *,
    ask: Ask = nobody,
    told: Told | None = None,
    written: Trace | None = None,
    cancelled: Callable[[], bool] = lambda: False,
    progress: Callable[[float], None] = lambda share: None,
    write: Callable[[Path, bytes], None] = write_whole,
) -> float:
    """Writes what can be made of a trace; the file is there whole or not at all.

    Args:
        out_path: its ending says the kind.
        product: a name in ``gui.export.products``; the ending says it where it is ''.
        ask: told at which moments Jacobians are shown, where any are.
        told: of a lesson's handout, the lesson.
        written: the run without what-ifs, for the inspector to compare with.
        cancelled: asked now and then, and before the file is written, whether to stop.
        progress: told the share that is done.
        write: takes the path and the file's bytes.

    Returns:
        The scale it was drawn at. A picture of pixels that would be larger than ``still.LARGEST`` or ``WIDEST`` (an
        animation: ``film.LARGEST_FILM``) is drawn smaller, as is a PDF larger than a page can be; an SVG never is.

    Raises:
        ValueError: one line, when what is asked for does not exist.
        OSError: it cannot be written.
        Cancelled: it was; nothing is written.
    """
    path = Path(out_path)
    made = product_of(path, product)
    order.check()
    watch = Watch(cancelled, progress)
    scale = order.scale
    match made.name, path.suffix.lower():
        case "ledger", ".csv":
            blob = ledger_csv(trace, order.pass_)
        case "ledger", _:
            blob = ledger_json(trace, order.pass_)
        case "transcript", _:
            blob = transcript(trace, order.lang).encode("utf-8", "replace")
        case "trace", _:
            blob = tracefile.pack(trace)
        case "handout", _:
            blob = handout(trace, order, ask(moments(trace), watch), watch)
        case "lesson", _:
            if told is None:
                raise ValueError(f"{path.name}: there is no lesson to print")
            blob = lesson_handout(*told(watch), order, watch)
        case _:
            blob, scale = _picture(trace, path, order, made.name, ask, written, watch)
    watch.check()
    write(path, blob)
    return scale


def cards_called(trace: Trace, names: Sequence[str]) -> frozenset[int]:
    """The cards that show these names or expressions; raises ValueError, one line, where there is none."""
    found: set[int] = set()
    graph = cards.build(trace, Index(trace))
    for name in names:
        called = {card.id for card in graph.cards if name in _names(trace, card)}
        if not called:
            raise ValueError(f"no card is called {name!r}; cards are called as the program calls their values")
        found |= called
    return frozenset(found)


def _names(trace: Trace, card: Card) -> set[str]:
    """How a program calls what a card shows."""
    written = {trace.ops[card.op].text, trace.ops[card.op].name} if card.op is not None else set()
    return {card.title, *written, *(name for value in card.values for name in trace.values[value].names)}


def _picture(
    trace: Trace, path: Path, order: Order, product: str, ask: Ask, written: Trace | None, watch: Watch
) -> tuple[bytes, float]:
    """A picture's bytes, and the scale it was drawn at."""
    playback = Playback.of(trace)
    first, last = order.span(playback)
    if product == "picture" and order.step == "all":
        raise ValueError(f"{path.name}: one picture cannot show all steps; write a .gif or .webp, or a contact sheet")
    shown = [playback.at(cursor) for cursor in range(last if product == "picture" else first, last + 1)]
    # A frame is worth the more, the more of them there are; the arrangement counts as two, measuring as half a frame.
    watch.whole = 2.0 + 1.5 * len(shown)
    known = ask([moment.cursor for moment in shown], watch) if order.inspector else Knowledge()
    picture = Picture(trace, playback.index, order.folding, cancelled=watch.cancelled, direction=order.direction,
                      progress=lambda share: watch.reach(2.0 * share))  # fmt: skip
    if product == "animation":
        film.check(len(shown), len(picture.units))
    frame = picture.bounds
    caption = caption_block(order.caption, max(LEAST, frame[2] - frame[0])) if order.caption.strip() else None
    page = Page(picture, shown, order.words, watch, cards=order.cards, caption=caption, dated=product != "animation",
                panels=panels(order, picture.graph, known, written))  # fmt: skip
    drawing: still.Drawable = contact.ContactSheet(page, shown) if product == "contact" else page.at(shown[-1])
    palette, scale, clear = order.palette, order.scale, order.transparent
    match path.suffix.lower():
        case ".svg":
            return still.svg(drawing, palette, trace, transparent=clear), 1.0
        case ".pdf":
            scale = still.fitting(drawing)
            return still.pdf([(drawing, scale)], palette, trace, transparent=clear), scale
        case ".png":
            scale = still.affordable(drawing, scale)
            return still.png(drawing, palette, scale, transparent=clear), scale
        case kind:
            return film.film(page, shown, palette, scale, kind, order.speed)
