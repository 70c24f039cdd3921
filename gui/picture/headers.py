"""Where the names of open groups stand: at the corners of their frames, or at the edge of what is seen of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from gui.picture import drawing
from gui.picture.drawing import PAD
from gui.picture.shapes import TITLE, Rect, inside, overlap, text_width
from gui.picture.standing import Standing

READABLE = 0.42
"""Below this scale cards show their names only, as large as they can be read."""
DOWN = 20.0
"""From the upper edge of a frame to the middle of its name."""
HIGH, LOW, GROUND = 24.0, 15.0, 4.0
"""Height of a name's ground, near by and far out; how far it stands out beside the text."""
AFAR = 60
"""Names that are written at most far out: of the outermost groups."""
INSET, GAP = 8.0, 4.0
"""Pixels from the edge of what is seen to a name's ground, and between two names there."""


@dataclass(frozen=True, slots=True)
class Header:
    """The name of an open group.

    Attributes:
        x, y: where the text begins, and its middle.
        rect: its ground.
        above: whether it lies above what stands in the frame, because the place it has there is out of sight.
    """

    group: str
    text: str
    x: float
    y: float
    size: float
    rect: Rect
    above: bool = False


NOWHERE = (0.0, 0.0, 0.0, 0.0)


def place(
    standing: Standing,
    groups: Iterable[str],
    visible: np.ndarray,
    scale: float,
    seen: Rect | None,
    covered: Rect = NOWHERE,
) -> list[Header]:
    """The names of open groups, outer ones first.

    Args:
        visible: boxes that are there, which a name far out shall not cover.
        seen: the part of the picture that is seen, in which the names stay; None where all names have their places.
        covered: what of that is out of sight again.
    """
    found: dict[str, Header] = {}
    for group in groups:
        if scale < READABLE and len(found) >= AFAR:
            break
        header = _place(standing, group, found, scale, seen, covered)
        if header is not None and (
            scale >= READABLE or header.above or _free(standing, header, visible, found.values())
        ):
            found[group] = header
    return list(found.values())


def _place(
    standing: Standing, group: str, outer: dict[str, Header], scale: float, seen: Rect | None, covered: Rect
) -> Header | None:
    """One name; None without room for it."""
    near = scale >= READABLE
    left, top, right, bottom = standing.frames[group]
    text, size = f"▾ {standing.names.group(group)}", TITLE if near else drawing.far_size(scale)
    wide, grow = text_width(text, size), size / TITLE
    half, pad, ground = HIGH / 2 if near else LOW / 2 * grow, PAD * grow, GROUND * grow
    x, y, most = left + pad, top + (DOWN if near else half + 1.0 / scale), right - pad - wide
    if not near and (most < x or bottom - top < 2 * half):
        return None

    def header(x: float, y: float, above: bool = False) -> Header:
        return Header(group, text, x, y, size, (x - ground, y - half, x + wide + ground, y + half), above)

    if seen is None:
        return header(x, y)
    x = min(max(x, seen[0] + INSET / scale + ground), max(x, most))
    edge, parent = seen[1] + INSET / scale, outer.get(standing.groups[group].parent)
    ways = [(x, edge)]
    if parent is not None and parent.above:
        # Beside the name of the group around it, where there is room; else below.
        beside = max(x, parent.rect[2] + GAP / scale + ground)
        ways = [*([(beside, parent.rect[1])] if beside <= most else []), (x, parent.rect[3])]
    ways.append((x, max(edge, covered[3])))
    held = [other.rect for other in outer.values() if other.above]
    own = header(x, y)
    if y - half >= edge and not any(overlap(own.rect, rect) for rect in held):
        return own
    for at, edge in ways:
        found = header(at, max(y, edge + half), above=True)
        if not any(overlap(found.rect, rect) for rect in (covered, *held)):
            return found if found.rect[3] <= bottom - pad else None
    return None


def _free(standing: Standing, header: Header, visible: np.ndarray, others: Iterable[Header]) -> bool:
    """Whether a name covers no box, no frame that stands in its own, and no other name."""
    if inside(standing.rects[visible], header.rect).any():
        return False
    names = list(standing.frames)
    crossed = (names[row] for row in np.nonzero(inside(standing.frame_rects, header.rect))[0])
    return all(f"{header.group}/".startswith(f"{name}/") for name in crossed) and not any(
        overlap(header.rect, other.rect) for other in others
    )
