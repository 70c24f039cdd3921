"""The moments of a page → an animation: GIF in one palette, or WebP."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Final

import numpy as np
from PIL import Image

from core.playback import Playback
from gui.export import still
from gui.export.page import Page
from gui.theme import Palette

LARGEST_FILM: Final = 120_000_000
"""Pixels of all frames of an animation at most."""
LONGEST: Final = 400
"""Frames of an animation at most."""

CLEAR: Final = 255
"""Place in a GIF's palette that stands for what did not change."""

FORWARD, BACKWARD, LAST = 400, 1000, 3000
"""Milliseconds that a frame stands: an operation, a step of a backward pass, the end."""


def film(
    page: Page, moments: Sequence[Playback], palette: Palette, scale: float, kind: str, speed: float = 1.0
) -> tuple[bytes, float]:
    """The animation, ``.gif`` or ``.webp``, and the scale it was drawn at."""
    scale = still.affordable(page.at(moments[-1]), scale, LARGEST_FILM // len(moments))
    frames = [still.pixels(page.at(moment), palette, scale) for moment in moments]
    times = [BACKWARD if moment.event is not None and moment.event.pass_ is not None else FORWARD for moment in moments]
    times[-1] = LAST
    times = [round(time / speed) for time in times]
    target = io.BytesIO()
    if kind == ".webp":
        frames[0].save(
            target, "WEBP", save_all=True, append_images=frames[1:], duration=times, loop=0, lossless=True, method=2
        )
        return target.getvalue(), scale
    colours = _common(page.watch.each(frames, 0.0), palette)
    reduced = [_indexed(frame, colours) for frame in page.watch.each(frames, 0.0)]
    # Told the palette and what stands for the unchanged, Pillow gives no frame a palette of its own.
    reduced[0].save(
        target, "GIF", save_all=True, append_images=reduced[1:], duration=times, loop=0, optimize=False,
        palette=colours.tobytes(), transparency=CLEAR,
    )  # fmt: skip
    return target.getvalue(), scale


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
