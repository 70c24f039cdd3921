"""The moments of a page → an animation: GIF in one palette, or WebP."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from PIL import GifImagePlugin, Image

from core.playback import Playback
from gui.export import still
from gui.export.page import MARGIN, Layer, Page, moment_text
from gui.export.reel import SAME, Patch, Reel, bounds
from gui.fonts import text_width
from gui.picture import paint
from gui.picture.shapes import Sheet
from gui.theme import Palette

LONGEST: Final = 2_000
"""Frames of an animation at most."""
MOST: Final = 400_000
"""Cards on all frames at most: what is more would take longer than anybody waits."""
LARGEST_FRAME: Final = 4_000_000
"""Pixels of a frame at most: more is not shown smoothly everywhere."""
LARGEST_FILM: Final = 1_500_000_000
"""Pixels of all frames at most: so long does it take to make them, and to play them."""

PAUSES: Final = {"op": 400, "grad": 700, "data": 700, "step": 1000, "pass": 1600, "end": 1800}
"""Milliseconds that a frame stands, by what has happened: the longer, the more there is to read."""
START, LAST, FAILED = 800, 3500, 5000
"""Before anything has happened; at the end; at the end of a program that failed, which is explained there."""
BESIDE: Final = 2.5
"""How many times longer, where the inspector or the program stands beside the picture."""
TICK: Final = 10
"""Milliseconds that GIF counts in."""
SHORTEST: Final = 2 * TICK
"""Browsers show slowly what is faster."""

SAID: Final = 17.0
"""Size of the text below the page that says the moment; legible at the width of a page of paper:"""
SAID_SHARE: Final = 1 / 54
"""of the width, the least."""
BAR: Final = 0.28
"""Height of the bar at the lower edge, of the text's."""

CLEAR: Final = 255
"""Place in a GIF's palette that stands for what did not change."""
EFFORT: Final = 2
"""Of WebP, from 0 to 6; more gains little."""
RGB: Final = 0xFFFFFF
"""What of a pixel is its colour."""


def check(frames: int, cards: int) -> None:
    """Raises ValueError, one line, where so many frames of so many cards cannot be made."""
    if frames > LONGEST:
        raise ValueError(f"{frames} frames are too many for an animation, {LONGEST} are the most; "
                         "choose a --pass or a --step")  # fmt: skip
    if frames * cards > MOST:
        raise ValueError(f"{frames} frames of {cards} cards are too many for an animation; "
                         "fold groups, or choose a --pass or a --step")  # fmt: skip


def film(
    page: Page, moments: Sequence[Playback], palette: Palette, scale: float, kind: str, speed: float = 1.0
) -> tuple[bytes, float]:
    """The animation, ``.gif`` or ``.webp``, and the scale it was drawn at."""
    frames = Frames(page, moments)
    scale = still.affordable(frames, scale, min(LARGEST_FRAME, LARGEST_FILM // len(moments)))
    width, height = (round(side) for side in frames.size(scale))
    reel = Reel((width, height), palette, page.watch.check)
    patches = reel.patches(frames.layers(number, scale) for number in range(len(moments)))
    times = pauses(moments, speed / BESIDE if page.rooms else speed)
    encode = _webp if kind == ".webp" else _gif
    return encode((width, height), patches, times, palette, page), scale


def pauses(moments: Sequence[Playback], speed: float) -> list[int]:
    """Milliseconds that each moment stands."""
    times = [PAUSES[moment.event.kind] if moment.event is not None else START for moment in moments]
    times[-1] = FAILED if moments[-1].at_end and moments[-1].trace.error is not None else LAST
    return [max(SHORTEST, round(time / speed / TICK) * TICK) for time in times]


class Frames:
    """A page at its moments; below it what the moment is, and at the lower edge how much of all has happened."""

    def __init__(self, page: Page, moments: Sequence[Playback]) -> None:
        self.page, self.moments = page, moments
        self._said = [moment_text(moment, page.words) for moment in moments]
        self._widest = max(text_width(text, SAID, False) for text, _ in self._said) / SAID

    def size(self, scale: float) -> tuple[float, float]:
        """Width and height of every frame in pixels; whole ones, so that the page's are its own."""
        width, height = (round(side) for side in self.page.size(scale))
        return width, height + self._strip(width, scale)[1]

    def draw(self, painter: paint.Painter, scale: float) -> None:
        """The last of them."""
        for layer in self.layers(len(self.moments) - 1, scale):
            painter.look(layer.scale, layer.origin)
            painter.paint(layer.scene)

    def layers(self, number: int, scale: float) -> Iterator[Layer]:
        yield from self.page.layers(self.moments[number], scale, pixels=True)
        width, top = (round(side) for side in self.page.size(scale))
        size, height = self._strip(width, scale)
        margin, bar = MARGIN * max(scale, 1.0), round(size * BAR)
        sheet = Sheet()
        text, colour = self._said[number]
        sheet.text(margin, (height - bar - margin / 2) / 2, text, colour, size, mono=False)
        sheet.box((0, height - bar, width, height), "line", radius=0)
        done = round(width * number / max(1, len(self.moments) - 1))
        sheet.box((0, height - bar, done, height), "accent", radius=0)
        yield Layer(sheet.scene(), 1.0, (0.0, -float(top)))

    def _strip(self, width: int, scale: float) -> tuple[float, int]:
        """Size of the text and height of what is below the page, in pixels."""
        text = max(scale, 1.0)
        room = width - 2 * MARGIN * text
        size = min(max(SAID * text, width * SAID_SHARE), room / max(1.0, self._widest))
        return size, round(size * (1.5 + BAR) + MARGIN * text / 2)


def _gif(
    size: tuple[int, int], pictures: Iterable[list[Patch]], times: Sequence[int], palette: Palette, page: Page
) -> bytes:
    """All colours must be known before the first frame is written; until then patches are packed."""
    packed, seen = [], []
    for patches in page.watch.each(pictures, 0.8):
        seen.append(np.unique(np.concatenate([patch.pixels.ravel() for patch in patches]), return_counts=True))
        packed.append((bounds(patches), [_Packed.of(patch) for patch in patches]))
    colours, places = _reduced(seen, palette)
    target = io.BytesIO()
    target.write(b"GIF89a" + struct.pack("<2H3B", *size, 0xF7, 0, 0) + colours.tobytes())
    target.write(b"!\xff\x0bNETSCAPE2.0\x03\x01\0\0\0")  # for ever
    for ((left, top, right, bottom), parts), time in page.watch.each(zip(packed, times, strict=True), 0.2):
        indices = np.full((bottom - top, right - left), CLEAR, np.uint8)
        for patch in (part.patch() for part in parts):
            found = np.where(patch.pixels == SAME, np.uint8(CLEAR), places[patch.pixels & RGB])
            _lay(indices, found, patch.left - left, patch.top - top)
        for part in GifImagePlugin.getdata(
            Image.fromarray(indices), (left, top), duration=time, transparency=CLEAR, disposal=1
        ):
            target.write(part)
    target.write(b";")
    return target.getvalue()


@dataclass(frozen=True, slots=True)
class _Packed:
    """A patch that waits, in a hundredth of its room."""

    left: int
    top: int
    shape: tuple[int, ...]
    blob: bytes

    @staticmethod
    def of(patch: Patch) -> _Packed:
        return _Packed(patch.left, patch.top, patch.pixels.shape, zlib.compress(patch.pixels.tobytes(), 1))

    def patch(self) -> Patch:
        pixels = np.frombuffer(zlib.decompress(self.blob), np.uint32)
        return Patch(self.left, self.top, pixels.reshape(self.shape))


def _lay(ground: np.ndarray, pixels: np.ndarray, left: int, top: int) -> None:
    height, width = pixels.shape
    ground[top : top + height, left : left + width] = pixels


def _reduced(seen: Sequence[tuple[np.ndarray, np.ndarray]], palette: Palette) -> tuple[np.ndarray, np.ndarray]:
    """One palette for all frames: the theme's colours, then always the one that is worst shown by those before it.

    Args:
        seen: the colours of each frame and how often they are in it.

    Returns:
        Rows of red, green, blue; and one byte for each of 2²⁴ colours, its place, right for those that were seen.
    """
    codes, where = np.unique(np.concatenate([codes for codes, _ in seen]) & RGB, return_inverse=True)
    counts = np.bincount(where, np.concatenate([counts for _, counts in seen]))
    theme = (int.from_bytes(bytes.fromhex(colour[1:]), "little") for colour in palette.values())
    chosen = list(dict.fromkeys(theme))
    levels, apart, nearest = _levels(codes), np.full(len(codes), np.inf), np.zeros(len(codes), np.uint8)
    for place in range(CLEAR):
        if place == len(chosen):
            chosen.append(int(codes[np.argmax(np.sqrt(counts) * apart)]))
        distance = np.square(levels - _levels(np.array(chosen[place]))).sum(axis=-1)
        nearest[distance < apart] = place
        apart = np.minimum(apart, distance)
    places = np.zeros(RGB + 1, np.uint8)
    places[codes] = nearest
    return _levels(np.array([*chosen, 0])).astype(np.uint8), places


def _levels(codes: np.ndarray) -> np.ndarray:
    """Red, green, blue of each, in a last dimension."""
    return np.stack([codes & 255, codes >> 8 & 255, codes >> 16 & 255], axis=-1).astype(np.int32)


def _webp(
    size: tuple[int, int], pictures: Iterable[list[Patch]], times: Sequence[int], palette: Palette, page: Page
) -> bytes:
    """What is new in each frame is a lossless picture of its own, laid over the others."""
    target = io.BytesIO()
    target.write(_chunk(b"VP8X", b"\x12\0\0\0" + _three(size[0] - 1) + _three(size[1] - 1)))
    target.write(_chunk(b"ANIM", b"\xff\xff\xff\xff\0\0"))  # for ever
    for patches, time in page.watch.each(zip(pictures, times, strict=True), 1.0):
        left, top, right, bottom = bounds(patches)
        left, top = left - left % 2, top - top % 2  # half of it is written
        pixels = np.full((bottom - top, right - left), SAME, np.uint32)
        for patch in patches:
            _lay(pixels, patch.pixels, patch.left - left, patch.top - top)
        picture = io.BytesIO()
        Image.fromarray(pixels.view(np.uint8).reshape(*pixels.shape, 4)).save(
            picture, "WEBP", lossless=True, method=EFFORT
        )
        head = (left // 2, top // 2, right - left - 1, bottom - top - 1, time)
        target.write(_chunk(b"ANMF", b"".join(map(_three, head)) + b"\0" + picture.getvalue()[12:]))
    return b"RIFF" + struct.pack("<I", 4 + target.tell()) + b"WEBP" + target.getvalue()


def _chunk(name: bytes, blob: bytes) -> bytes:
    return name + struct.pack("<I", len(blob)) + blob + b"\0" * (len(blob) % 2)


def _three(number: int) -> bytes:
    return number.to_bytes(3, "little")
