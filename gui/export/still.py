"""A drawing → the bytes of a picture: PNG, SVG, PDF."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Protocol

import matplotlib
from matplotlib.backends.backend_pdf import PdfFile, RendererPdf
from matplotlib.backends.backend_svg import RendererSVG
from PIL import Image

from core.records import Trace
from gui import fonts
from gui.picture import paint
from gui.theme import Palette

WIDEST: Final = 30_000
"""Pixels of a side at most."""
LARGEST: Final = 40_000_000
"""Pixels of a picture at most: 160 MB while it is drawn."""
PAGE: Final = 14_400.0
"""Points of a side of a PDF page at most; more is not shown by every reader."""


class Drawable(Protocol):
    """What can be drawn at any scale."""

    def size(self, scale: float) -> tuple[float, float]:
        """Width and height in pixels."""

    def draw(self, painter: paint.Painter, scale: float) -> None: ...


def affordable(drawing: Drawable, scale: float, most: int | None = None) -> float:
    """The scale, or the largest one below it that a picture of so many pixels can have."""
    most = min(LARGEST, most or LARGEST)
    width, height = drawing.size(scale)
    # What stands below the picture does not shrink; a page of it alone is always affordable.
    while scale > 1e-4 and (max(width, height) > WIDEST or width * height > most):
        scale *= 0.95
        width, height = drawing.size(scale)
    return scale


def pixels(drawing: Drawable, palette: Palette, scale: float, *, transparent: bool = False) -> Image.Image:
    width, height = (max(1, round(side)) for side in drawing.size(scale))
    renderer = paint.screen(width, height, palette, transparent=transparent)
    drawing.draw(paint.Painter(renderer, height, palette), scale)
    picture: Image.Image = paint.pixels(renderer)
    return picture if transparent else picture.convert("RGB")


def png(drawing: Drawable, palette: Palette, scale: float, *, transparent: bool = False) -> bytes:
    target = io.BytesIO()
    # 96 dots to the inch at scale 1: documents show it as large as the window does.
    pixels(drawing, palette, scale, transparent=transparent).save(target, "PNG", dpi=(96 * scale, 96 * scale))
    return target.getvalue()


def svg(drawing: Drawable, palette: Palette, trace: Trace, *, transparent: bool = False) -> bytes:
    """Text stays text, and the glyphs it needs come along."""
    width, height = drawing.size(1.0)
    target = io.StringIO()
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "pullback", "svg.id": None}):
        renderer = RendererSVG(width, height, target, metadata=_facts(trace, Date=None))
        painter = paint.Painter(renderer, height, palette)
        if not transparent:
            painter.background(width)
        drawing.draw(painter, 1.0)
        renderer.finalize()
    text = target.getvalue()
    text = re.sub(r'width="([\d.]+)pt" height="([\d.]+)pt"', r'width="\1" height="\2"', text, count=1)
    for mono in (True, False):
        names = ", ".join(map(repr, fonts.families(mono)))
        text = text.replace(f"font-family: {names}", f"font-family: {fonts.css_families(mono)}")
    return text.replace("</style>", f"{fonts.css(painter.texts)}</style>", 1).encode("utf-8")


def fitting(drawing: Drawable) -> float:
    """The scale, 1 or less, at which a drawing has room on a page of a PDF."""
    return min(1.0, PAGE / max(drawing.size(1.0)))


def pdf(
    drawings: Sequence[tuple[Drawable, float]], palette: Palette, trace: Trace, *, transparent: bool = False
) -> bytes:
    """Each drawing at its scale on a page of its own; text stays text, in embedded TrueType fonts."""
    target = io.BytesIO()
    with matplotlib.rc_context({"pdf.fonttype": 42}):
        file = PdfFile(target, metadata=_facts(trace, CreationDate=None))
        try:
            for drawing, scale in drawings:
                width, height = drawing.size(scale)
                file.newPage(width / 72, height / 72)
                renderer = RendererPdf(file, 72, height / 72, width / 72)
                painter = paint.Painter(renderer, height, palette)
                if not transparent:
                    painter.background(width)
                drawing.draw(painter, scale)
                renderer.finalize()
            file.finalize()
        finally:
            file.close()
    return target.getvalue()


def _facts(trace: Trace, **date: None) -> dict[str, str | None]:
    """What a file says about itself; no date, so that the same picture is the same file."""
    return {"Title": Path(trace.path).stem or "Pullback", "Creator": "Pullback", **date}
