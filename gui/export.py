"""A trace → a picture file; needs no display."""

from __future__ import annotations

import io
import os
from pathlib import Path

import matplotlib
from matplotlib.artist import Artist
from matplotlib.backend_bases import RendererBase
from matplotlib.backends.backend_agg import RendererAgg
from matplotlib.figure import Figure

from core.files import write_whole
from core.playback import Playback
from core.records import Trace
from gui import paint
from gui.i18n import words
from gui.scene import Picture, Scene, legend
from gui.theme import PALETTES, Palette

STILL = frozenset({".png", ".svg", ".pdf"})
MOVING = frozenset({".gif", ".webp"})
LARGEST = 60_000_000
WIDEST = 30_000
"""Pixels of a picture at most, and of one side."""
LONGEST = 400
"""Frames of an animation at most."""
FOOT = 36.0
"""Room for the legend."""


def export_picture(
    trace: Trace,
    out_path: str | os.PathLike[str],
    *,
    step: int | str = "last",
    pass_: int | None = None,
    scale: float = 2.0,
    theme: str = "light",
    lang: str = "en",
) -> None:
    """Writes the picture of a trace; the file is there whole or not at all.

    Args:
        out_path: its ending says the kind: .png, .svg, .pdf, or .gif, .webp (one frame for each event).
        step: how many events have happened, or 'last'; 'all' for an animation. With ``pass_``: how many steps of it.
        pass_: a backward call, 0-based.
        scale: pixels for each unit of the picture (pictures of pixels only).

    Raises:
        ValueError: one line, when what is asked for does not exist.
    """
    path = Path(out_path)
    kind = path.suffix.lower()
    if kind not in STILL | MOVING:
        raise ValueError(f"{path.name}: the picture must end in .png, .svg, .pdf, .gif or .webp")
    if theme not in PALETTES:
        raise ValueError(f"no theme {theme!r}; there are light and dark")
    if not 0 < scale <= 16:
        raise ValueError(f"scale {scale:g} is not between 0 and 16")
    playback = Playback.of(trace)
    first, last = _range(playback, step, pass_)
    if kind in STILL and step == "all":
        raise ValueError(f"{path.name}: one picture cannot show all steps; write a .gif or .webp")
    sheet = _Sheet(Picture(trace, playback.index), lang, PALETTES[theme])
    if kind in MOVING:
        blob = sheet.animation(playback, first, last, kind, scale)
    elif kind == ".png":
        blob = sheet.png(playback.at(last), scale)
    else:
        blob = sheet.drawing(playback.at(last), kind)
    write_whole(path, blob)


def _range(playback: Playback, step: int | str, pass_: int | None) -> tuple[int, int]:
    """First and last cursor asked for."""
    trace, index = playback.trace, playback.index
    start, stop = 0, len(trace.events)
    if pass_ is not None:
        if not 0 <= pass_ < len(trace.passes):
            raise ValueError(f"no pass {pass_}; the program made {len(trace.passes)}")
        steps = [index.step_at[(pass_, n)] + 1 for n in range(len(trace.passes[pass_].steps))
                 if (pass_, n) in index.step_at]  # fmt: skip
        begin = index.pass_at.get(pass_, 0) + 1
        start, stop = begin, steps[-1] if steps else begin
        if isinstance(step, int):
            if not 0 <= step <= len(steps):
                raise ValueError(f"no step {step}; pass {pass_} has {len(steps)}")
            return (begin, begin) if not step else (steps[step - 1], steps[step - 1])
    if isinstance(step, int):
        if not 0 <= step <= stop:
            raise ValueError(f"no step {step}; the program has {stop}")
        return step, step
    if step not in ("last", "all"):
        raise ValueError(f"step {step!r} is not a number, last or all")
    return start, stop


class _Sheet:
    """The picture with its legend, at any moment."""

    def __init__(self, picture: Picture, lang: str, palette: Palette) -> None:
        self.picture = picture
        self.words = words(lang)
        self.palette = palette
        left, top, right, bottom = picture.bounds
        self.origin = (left, top)
        self.size = (max(right - left, 560.0), max(bottom - top, 80.0) + FOOT)
        self.legend = legend(self.words, left + 24, top + self.size[1] - FOOT / 2 - 4)

    def scenes(self, playback: Playback) -> tuple[Scene, Scene]:
        return self.picture.scene(playback, self.words), self.legend

    def render(self, playback: Playback, scale: float) -> RendererAgg:
        # A very large graph is drawn smaller rather than not at all; .svg and .pdf have no such limit.
        scale = min(scale, WIDEST / max(self.size), (LARGEST / (self.size[0] * self.size[1])) ** 0.5)
        width, height = (max(1, int(side * scale)) for side in self.size)
        renderer = paint.screen(width, height, self.palette)
        painter = paint.Painter(renderer, height, self.palette, scale=scale, origin=self.origin)
        for scene in self.scenes(playback):
            painter.paint(scene)
        return renderer

    def png(self, playback: Playback, scale: float) -> bytes:
        target = io.BytesIO()
        paint.pixels(self.render(playback, scale)).save(target, "PNG")
        return target.getvalue()

    def drawing(self, playback: Playback, kind: str) -> bytes:
        """SVG with selectable text, or PDF with embedded TrueType."""
        figure = Figure(figsize=(self.size[0] / 72, self.size[1] / 72), dpi=72)
        figure.patch.set_facecolor(self.palette["canvas"])
        figure.add_artist(_Drawing(self, playback))
        target = io.BytesIO()
        meta = {"Date": None} if kind == ".svg" else {"CreationDate": None}
        with matplotlib.rc_context({"svg.fonttype": "none", "pdf.fonttype": 42, "svg.hashsalt": "pullback"}):
            figure.savefig(target, format=kind[1:], facecolor=figure.get_facecolor(), metadata=meta)
        return target.getvalue()

    def animation(self, playback: Playback, first: int, last: int, kind: str, scale: float) -> bytes:
        if last - first > LONGEST:
            raise ValueError(f"{last - first} frames are too many for an animation; choose a --pass")
        frames = [
            paint.pixels(self.render(playback.at(cursor), scale)).convert("RGB") for cursor in range(first, last + 1)
        ]
        target = io.BytesIO()
        times = [900] * (len(frames) - 1) + [2500]
        frames[0].save(
            target, kind[1:].upper(), save_all=True, append_images=frames[1:], duration=times, loop=0,
            **({"lossless": True} if kind == ".webp" else {}),
        )  # fmt: skip
        return target.getvalue()


class _Drawing(Artist):
    """Lets savefig draw a scene through the same painter as the screen."""

    def __init__(self, sheet: _Sheet, playback: Playback) -> None:
        super().__init__()
        self.sheet = sheet
        self.playback = playback

    def draw(self, renderer: RendererBase) -> None:
        painter = paint.Painter(renderer, self.sheet.size[1], self.sheet.palette, origin=self.sheet.origin)
        for scene in self.sheet.scenes(self.playback):
            painter.paint(scene)
