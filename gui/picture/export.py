"""A trace → a picture file; needs no display."""

from __future__ import annotations

import io
import os
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Final, TypeVar, get_args

import matplotlib
import numpy as np
from matplotlib.backends.backend_pdf import PdfFile, RendererPdf
from matplotlib.backends.backend_svg import RendererSVG
from PIL import Image

from core.files import write_whole
from core.layout import Cancelled, Direction
from core.playback import Playback
from core.records import Trace
from gui import fonts
from gui.failure import failure_lines
from gui.fonts import text_width
from gui.i18n import Words, words
from gui.picture import paint
from gui.picture.groups import Folding
from gui.picture.moment import where_text
from gui.picture.scene import Box, Boxes, Curve, Curves, Label, Picture, Raster, Rect, Scene, Shape, legend
from gui.theme import MAPS, THEMES, Palette, palette_of

STILL: Final = frozenset({".png", ".svg", ".pdf"})
MOVING: Final = frozenset({".gif", ".webp"})
LINES: Final = frozenset({".svg", ".pdf"})
"""Pictures of lines, which need no scale."""

WIDEST: Final = 30_000
"""Pixels of a side at most."""
LARGEST: Final = 40_000_000
"""Pixels of a picture at most: 160 MB while it is drawn."""
LARGEST_FILM: Final = 120_000_000
"""Pixels of all frames of an animation at most."""
LONGEST: Final = 400
"""Frames of an animation at most."""
PAGE: Final = 14_400.0
"""Points of a side of a PDF page at most; more is not shown by every reader."""

PIECE: Final = 500
"""Shapes or texts that are drawn before it is asked whether to go on."""

MARGIN, GAP = 24.0, 22.0
LEAST: Final = 420.0
"""Width of the smallest page, for what stands below the picture."""
SAID: Final = 12.0
"""Size of the text there."""
LINE: Final = 18.0
FAILURE_LINES: Final = 8

Part = TypeVar("Part", Playback, Image.Image, Scene)

CLEAR: Final = 255
"""Place in a GIF's palette that stands for what did not change."""

FORWARD, BACKWARD, LAST = 400, 1000, 3000
"""Milliseconds that a frame stands: an operation, a step of a backward pass, the end."""


def export_picture(
    trace: Trace,
    out_path: str | os.PathLike[str],
    *,
    step: int | str = "last",
    pass_: int | None = None,
    scale: float = 2.0,
    theme: str = "light",
    colours: str = "coolwarm",
    lang: str = "en",
    direction: Direction = "right",
    folding: Folding | None = None,
    cancelled: Callable[[], bool] = lambda: False,
    progress: Callable[[float], None] = lambda share: None,
    write: Callable[[Path, bytes], None] = write_whole,
) -> float:
    """Writes the picture of a trace, cropped to what it shows; the file is there whole or not at all.

    Args:
        out_path: its ending says the kind: .png, .svg, .pdf, or .gif, .webp (one frame for each event).
        step: how many events have happened, with ``pass_`` how many of its steps; or 'last', or 'all' for an animation,
            which shows everything in either case.
        pass_: a backward call, 0-based.
        scale: pixels for each unit of the picture (pictures of pixels only).
        colours: the map of tensors' elements, a name in ``gui.theme.MAPS``.
        direction: where the program reads, 'right' or 'down'.
        folding: which groups are folded.
        cancelled: asked now and then, and before the file is written, whether to stop.
        progress: told the share that is done.
        write: takes the path and the file's bytes.

    Returns:
        The scale it was drawn at. A picture of pixels that would be larger than ``LARGEST`` or ``WIDEST`` (an
        animation: ``LARGEST_FILM``) is drawn smaller, as is a PDF larger than a page can be; an SVG never is.

    Raises:
        ValueError: one line, when what is asked for does not exist.
        OSError: it cannot be written.
        Cancelled: it was; nothing is written.
    """
    path = Path(out_path)
    kind = path.suffix.lower()
    if kind not in STILL | MOVING:
        raise ValueError(f"{path.name}: the picture must end in .png, .svg, .pdf, .gif or .webp")
    if theme not in THEMES:
        raise ValueError(f"no theme {theme!r}; there are light and dark")
    if colours not in MAPS:
        raise ValueError(f"no colours {colours!r}; there are {' and '.join(MAPS)}")
    if direction not in get_args(Direction):
        raise ValueError(f"no direction {direction!r}; there are right and down")
    if not 0 < scale <= 16:
        raise ValueError(f"scale {scale:g} is not between 0 and 16")
    playback = Playback.of(trace)
    first, last = _range(playback, step, pass_)
    if kind in STILL and step == "all":
        raise ValueError(f"{path.name}: one picture cannot show all steps; write a .gif or .webp")
    if kind in MOVING and last - first >= LONGEST:
        raise ValueError(f"{last - first + 1} frames are too many for an animation, {LONGEST} are the most; "
                         "choose a --pass or a --step")  # fmt: skip
    moments = [playback.at(cursor) for cursor in range(first if kind in MOVING else last, last + 1)]
    watch = _Watch(cancelled, progress, len(moments))
    picture = Picture(trace, playback.index, folding, cancelled=cancelled, progress=watch.arranged, direction=direction)
    sheet = _Sheet(picture, moments, words(lang), palette_of(theme, colours), watch)
    if kind == ".svg":
        scale, blob = 1.0, _svg(sheet, moments[-1])
    elif kind == ".pdf":
        scale = min(1.0, PAGE / max(sheet.size(1.0)))
        blob = _pdf(sheet, moments[-1], scale)
    else:
        scale = _affordable(sheet, scale, len(moments))
        blob = _png(sheet, moments[-1], scale) if kind == ".png" else _film(sheet, moments, scale, kind)
    watch.check()
    write(path, blob)
    return scale


class _Watch:
    """Whether to stop, and how far it is; a frame is worth the more, the more of them there are.

    Args:
        frames: that are drawn; the arrangement counts as two, measuring them all as half of drawing them.
    """

    def __init__(self, cancelled: Callable[[], bool], progress: Callable[[float], None], frames: int) -> None:
        self._cancelled, self._progress = cancelled, progress
        self._all, self._done = 2.0 + 1.5 * frames, 0.0

    def check(self) -> None:
        if self._cancelled():
            raise Cancelled

    def arranged(self, share: float) -> None:
        self._done = 2.0 * share
        self._progress(self._done / self._all)

    def each(self, parts: Iterable[Part], worth: float) -> Iterator[Part]:
        """The parts of the work, one after the other, until it is to stop."""
        for part in parts:
            self.check()
            yield part
            self._done += worth
            self._progress(min(1.0, self._done / self._all))


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


# ── The page ──────────────────────────────────────────────────────────────────────────────────────────────────────


class _Sheet:
    """The page: the picture, and below it what went wrong, the legend and the moment.

    Args:
        moments: all that will be drawn; the page has room for each of them, so that nothing moves in an animation.
    """

    def __init__(
        self, picture: Picture, moments: Sequence[Playback], words: Words, palette: Palette, watch: _Watch | None = None
    ) -> None:
        self.watch = watch or _Watch(lambda: False, lambda share: None, len(moments))
        self.picture = picture
        self.words = words
        self.palette = palette
        measured = self.watch.each(moments, 0.5)
        rects = [rect for moment in measured for rect in _extents(picture.scene(moment, words))]
        self.frame = _around(rects) if rects else (0.0, 0.0, LEAST, 0.0)
        # What went wrong is said at the last moment; the others differ only in how the moment is called.
        longest = max(moments, key=lambda moment: text_width(_moment(moment, words)[0], SAID, False))
        self.longest_feet = (longest, moments[-1])

    def below(self, scale: float) -> tuple[float, float, float]:
        """Scale, width and height of what stands below the picture; it is never smaller than legible."""
        below = max(scale, 1.0)
        sizes = [self.foot(moment, (self.frame[2] - self.frame[0]) * scale / below) for moment in self.longest_feet]
        return below, max(width for _, width, _ in sizes), max(height for _, _, height in sizes)

    def size(self, scale: float) -> tuple[float, float]:
        """Width and height of the page in pixels."""
        left, top, right, bottom = self.frame
        below, width, height = self.below(scale)
        inner = max((right - left) * scale, width * below)
        return (inner + 2 * MARGIN * below, (bottom - top) * scale + (height + 2 * MARGIN) * below)

    def draw(self, painter: paint.Painter, moment: Playback, scale: float) -> None:
        """Draws a moment; what stands below the picture stays legible however small the picture is."""
        width, height = self.size(scale)
        left, top, right, _ = self.frame
        below, _, foot_height = self.below(scale)
        painter.background(width)
        room = max(MARGIN * below, (width - (right - left) * scale) / 2)
        painter.look(scale, (left - room / scale, top - MARGIN * below / scale))
        scene = self.picture.scene(moment, self.words, scale=scale if painter.pixels else 1.0)
        pieces = _pieces(scene)
        for piece in self.watch.each(pieces, 1 / len(pieces)):
            painter.paint(piece)
        foot, _, _ = self.foot(moment, (right - left) * scale / below)
        painter.look(below, (-MARGIN, foot_height + MARGIN - height / below))
        painter.paint(foot)

    def foot(self, moment: Playback, width: float) -> tuple[Scene, float, float]:
        """What stands below a picture of that width; its own width and height."""
        width = max(LEAST, width)
        y = GAP
        boxes: list[Shape] = []
        labels: list[Label] = []
        error = moment.trace.error
        if moment.at_end and error is not None:
            explanation, message = failure_lines(error, self.words)
            lines = [
                Label(GAP / 2, 0, text, colour, SAID + 1, mono=False)
                for said, colour in ((explanation, "wrong"), (message, "quiet" if explanation else "wrong"))
                for text in _wrapped(said, min(width, 640.0) - GAP, SAID + 1)
            ][:FAILURE_LINES]  # fmt: skip
            wide = max(text_width(label.text, label.size, False) for label in lines) + GAP
            boxes.append(Box(0, y, wide, len(lines) * LINE + GAP / 2, "wrong_soft", "wrong"))
            labels += [Label(line.x, y + GAP / 4 + (n + 0.5) * LINE, line.text, line.colour, line.size, mono=False)
                       for n, line in enumerate(lines)]  # fmt: skip
            y += len(lines) * LINE + GAP * 1.25
        meaning = legend(self.words, 0, y + LINE / 2, earlier=self.picture.later(moment))
        legend_width = max((rect[2] for rect in _extents(meaning)), default=0.0)
        said = _moment(moment, self.words)
        if said[0]:
            room = text_width(said[0], SAID, False)
            if legend_width + GAP + room <= width:
                labels.append(Label(width, y + LINE / 2, said[0], said[1], SAID, "e", mono=False))
            else:
                y += LINE + GAP / 4
                width = max(width, room)
                labels.append(Label(0, y + LINE / 2, said[0], said[1], SAID, mono=False))
        scene = Scene((*boxes, *meaning.shapes), (*labels, *meaning.labels))
        return scene, max(width, legend_width), y + LINE


def _pieces(scene: Scene) -> list[Scene]:
    """The scene in parts that take a moment each, so that a large one can be given up."""
    shapes = [Scene(scene.shapes[n : n + PIECE]) for n in range(0, len(scene.shapes), PIECE)]
    labels = [Scene((), scene.labels[n : n + PIECE]) for n in range(0, len(scene.labels), PIECE)]
    return [*shapes, *labels] or [scene]


def _moment(playback: Playback, words: Words) -> tuple[str, str]:
    """Where the cursor stands, at which node, and the colour to say it in."""
    text, colour = where_text(playback, words)
    if playback.node is not None:
        number, node = playback.node
        text += f" · {playback.trace.passes[number].nodes[node].name}"
    return text, colour


def _extents(scene: Scene) -> Iterator[Rect]:
    """What everything in a scene covers."""
    for shape in scene.shapes:
        match shape:
            case Box(x=x, y=y, width=width, height=height, weight=weight):
                yield (x - weight / 2, y - weight / 2, x + width + weight / 2, y + height + weight / 2)
            case Raster(x=x, y=y, width=width, height=height):
                yield (x, y, x + width, y + height)
            case Curve(points=points):
                # The control points' hull holds the curve.
                yield _around((x, y, x, y) for x, y in points)
            case Curves(points=ends) if len(ends):
                yield (*map(float, ends.min(axis=0)), *map(float, ends.max(axis=0)))  # type: ignore[misc]
            case Boxes(rects=rects) if len(rects):
                yield (*map(float, rects[:, :2].min(axis=0)), *map(float, rects[:, 2:].max(axis=0)))  # type: ignore[misc]
    for label in scene.labels:
        width = text_width(label.text, label.size, label.mono)
        left = label.x - {"w": 0.0, "e": width, "c": width / 2}[label.anchor]
        yield (left, label.y - label.size / 2, left + width, label.y + label.size / 2)


def _around(rects: Iterable[Rect]) -> Rect:
    left, top, right, bottom = zip(*rects, strict=True)
    return (min(left), min(top), max(right), max(bottom))


def _wrapped(text: str, width: float, size: float) -> list[str]:
    """The text in lines; broken at blanks, between Chinese characters, and inside a word that is too long."""
    lines: list[str] = []
    for part in re.findall(r"\s*(?:[!-⺀]{1,40}|\S)", text):
        if lines and text_width(lines[-1] + part, size, False) <= width:
            lines[-1] += part
        else:
            lines.append(part.lstrip())
    return lines


# ── The kinds of files ────────────────────────────────────────────────────────────────────────────────────────────


def _affordable(sheet: _Sheet, scale: float, frames: int) -> float:
    """The scale, or the largest one below it that a picture of pixels can have."""
    most = min(LARGEST, LARGEST_FILM // frames)
    width, height = sheet.size(scale)
    # What stands below the picture does not shrink; a page of it alone is always affordable.
    while scale > 1e-4 and (max(width, height) > WIDEST or width * height > most):
        scale *= 0.95
        width, height = sheet.size(scale)
    return scale


def _pixels(sheet: _Sheet, moment: Playback, scale: float) -> Image.Image:
    width, height = (max(1, round(side)) for side in sheet.size(scale))
    renderer = paint.screen(width, height, sheet.palette)
    sheet.draw(paint.Painter(renderer, height, sheet.palette), moment, scale)
    picture: Image.Image = paint.pixels(renderer).convert("RGB")
    return picture


def _png(sheet: _Sheet, moment: Playback, scale: float) -> bytes:
    target = io.BytesIO()
    # 96 dots to the inch at scale 1: documents show it as large as the window does.
    _pixels(sheet, moment, scale).save(target, "PNG", dpi=(96 * scale, 96 * scale))
    return target.getvalue()


def _svg(sheet: _Sheet, moment: Playback) -> bytes:
    """Text stays text, and the glyphs it needs come along."""
    width, height = sheet.size(1.0)
    target = io.StringIO()
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "pullback", "svg.id": None}):
        renderer = RendererSVG(width, height, target, metadata=_facts(moment.trace, Date=None))
        painter = paint.Painter(renderer, height, sheet.palette)
        sheet.draw(painter, moment, 1.0)
        renderer.finalize()
    text = target.getvalue()
    text = re.sub(r'width="([\d.]+)pt" height="([\d.]+)pt"', r'width="\1" height="\2"', text, count=1)
    for mono in (True, False):
        names = ", ".join(map(repr, fonts.families(mono)))
        text = text.replace(f"font-family: {names}", f"font-family: {fonts.css_families(mono)}")
    return text.replace("</style>", f"{fonts.css(painter.texts)}</style>", 1).encode("utf-8")


def _pdf(sheet: _Sheet, moment: Playback, scale: float) -> bytes:
    """Text stays text, in embedded TrueType fonts."""
    width, height = sheet.size(scale)
    target = io.BytesIO()
    with matplotlib.rc_context({"pdf.fonttype": 42}):
        file = PdfFile(target, metadata=_facts(moment.trace, CreationDate=None))
        try:
            file.newPage(width / 72, height / 72)
            renderer = RendererPdf(file, 72, height / 72, width / 72)
            sheet.draw(paint.Painter(renderer, height, sheet.palette), moment, scale)
            renderer.finalize()
            file.finalize()
        finally:
            file.close()
    return target.getvalue()


def _facts(trace: Trace, **date: None) -> dict[str, str | None]:
    """What a file says about itself; no date, so that the same picture is the same file."""
    return {"Title": Path(trace.path).stem or "Pullback", "Creator": "Pullback", **date}


def _film(sheet: _Sheet, moments: Sequence[Playback], scale: float, kind: str) -> bytes:
    frames = [_pixels(sheet, moment, scale) for moment in moments]
    times = [BACKWARD if moment.event is not None and moment.event.pass_ is not None else FORWARD for moment in moments]
    times[-1] = LAST
    target = io.BytesIO()
    if kind == ".webp":
        frames[0].save(
            target, "WEBP", save_all=True, append_images=frames[1:], duration=times, loop=0, lossless=True, method=2
        )
        return target.getvalue()
    palette = _common(sheet.watch.each(frames, 0.0), sheet.palette)
    reduced = [_indexed(frame, palette) for frame in sheet.watch.each(frames, 0.0)]
    # Told the palette and what stands for the unchanged, Pillow gives no frame a palette of its own.
    reduced[0].save(
        target, "GIF", save_all=True, append_images=reduced[1:], duration=times, loop=0, optimize=False,
        palette=palette.tobytes(), transparency=CLEAR,
    )  # fmt: skip
    return target.getvalue()


def _common(frames: Iterable[Image.Image], palette: Palette) -> np.ndarray:
    """One palette for all frames: the theme's colours, then the commonest between them; rows of red, green, blue."""
    counts: Counter[tuple[int, ...]] = Counter()
    for frame in frames:
        for count, colour in frame.getcolors(frame.width * frame.height) or ():
            counts[colour] += count  # type: ignore[index]
    theme = (tuple(bytes.fromhex(colour[1:])) for colour in palette.values())
    colours = list(dict.fromkeys(chain(theme, (colour for colour, _ in counts.most_common()))))[:CLEAR]
    return np.array(colours + colours[:1] * (CLEAR + 1 - len(colours)), np.uint8)


def _indexed(frame: Image.Image, palette: np.ndarray) -> Image.Image:
    """The frame in the palette's colours; Pillow's own search is a few levels off, as far as a card from its ground."""
    levels = np.asarray(frame, np.int32)
    codes, where = np.unique(levels @ (1 << 16, 1 << 8, 1), return_inverse=True)
    colours = np.stack([codes >> 16, codes >> 8 & 255, codes & 255], axis=1)
    nearest = [np.abs(palette[:CLEAR] - colour).sum(axis=1).argmin() for colour in colours]
    result = Image.fromarray(np.array(nearest, np.uint8)[where].reshape(levels.shape[:2]))
    result.putpalette(palette.tobytes())
    return result
