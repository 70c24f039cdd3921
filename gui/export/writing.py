"""An order → a picture file; needs no display."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

from core.files import write_whole
from core.playback import Playback
from core.records import Trace
from gui.export import contact, film, still
from gui.export.order import Order
from gui.export.page import Page
from gui.export.watch import Watch
from gui.picture.scene import Picture

STILL: Final = frozenset({".png", ".svg", ".pdf"})
MOVING: Final = frozenset({".gif", ".webp"})
LINES: Final = frozenset({".svg", ".pdf"})
"""Pictures of lines, which need no scale."""


def export_picture(
    trace: Trace,
    out_path: str | os.PathLike[str],
    order: Order,
    *,
    cancelled: Callable[[], bool] = lambda: False,
    progress: Callable[[float], None] = lambda share: None,
    write: Callable[[Path, bytes], None] = write_whole,
) -> float:
    """Writes the picture of a trace, cropped to what it shows; the file is there whole or not at all.

    Args:
        out_path: its ending says the kind: .png, .svg, .pdf, or .gif, .webp (one frame for each event).
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
    kind = path.suffix.lower()
    if kind not in STILL | MOVING:
        raise ValueError(f"{path.name}: the picture must end in .png, .svg, .pdf, .gif or .webp")
    order.check()
    playback = Playback.of(trace)
    first, last = order.span(playback)
    if kind in STILL and order.step == "all" and not order.contact:
        raise ValueError(f"{path.name}: one picture cannot show all steps; write a .gif or .webp")
    if kind in MOVING and order.contact:
        raise ValueError(f"{path.name}: a contact sheet is one picture; write a .png, .svg or .pdf")
    if kind in MOVING and last - first >= film.LONGEST:
        raise ValueError(f"{last - first + 1} frames are too many for an animation, {film.LONGEST} are the most; "
                         "choose a --pass or a --step")  # fmt: skip
    moments = [playback.at(cursor) for cursor in range(first if kind in MOVING or order.contact else last, last + 1)]
    # A frame is worth the more, the more of them there are; the arrangement counts as two, measuring as half a frame.
    watch = Watch(cancelled, progress, 2.0 + 1.5 * len(moments))
    picture = Picture(trace, playback.index, order.folding, cancelled=cancelled, direction=order.direction,
                      progress=lambda share: watch.reach(2.0 * share))  # fmt: skip
    page = Page(picture, moments, order.words, watch, cards=order.cards, dated=kind in STILL)
    drawing: still.Drawable = contact.ContactSheet(page, moments) if order.contact else page.at(moments[-1])
    palette, scale, clear = order.palette, order.scale, order.transparent
    if kind == ".svg":
        scale, blob = 1.0, still.svg(drawing, palette, trace, transparent=clear)
    elif kind == ".pdf":
        scale = still.fitting(drawing)
        blob = still.pdf([(drawing, scale)], palette, trace, transparent=clear)
    elif kind == ".png":
        scale = still.affordable(drawing, scale)
        blob = still.png(drawing, palette, scale, transparent=clear)
    else:
        blob, scale = film.film(page, moments, palette, scale, kind, order.speed)
    watch.check()
    write(path, blob)
    return scale
