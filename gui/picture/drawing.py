"""One card, one folded group, one line, one chip, one seed → shapes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import log

import numpy as np

from core.layout import Point
from core.records import TensorSnapshot
from gui import figures
from gui.i18n import Words
from gui.picture import thumbnail
from gui.picture.shapes import (
    BODY,
    SMALL,
    TITLE,
    Box,
    Curve,
    Rect,
    Sheet,
    label_rect,
    overlap,
    places_along,
    sample,
    text_width,
)

HEAD, ROW, PAD = 50.0, 31.0, 12.0
LINE = 18.0
"""Height of a row of numbers of a matrix."""
THUMB, STRIP = 36.0, 12.0
"""Longest and shortest side of a thumbnail: elements of a vector are no squares."""
NARROWEST, WIDEST = 104.0, 310.0
NARROWEST_GROUP = 216.0
"""Room for the widest range of sizes."""
CHIP, CHIP_PAD, ARROW = 23.0, 9.0, 12.0
"""Height of what lies on a line, room beside its text, and length of the line's head."""
TEXT_LIMIT = 27
"""Characters up to which a small tensor is written out, on cards and on lines: three numbers with their signs."""
HALO = 4.0
"""By how much the halo of the current card and the ring of the chosen one stand out."""
WARNING = "⚠ "
FAR_TEXT = 11.0
"""Pixels of a name on a card far out."""
SEED_HEIGHT, SEED_DROP = 54.0, 26.0
CUTTER = 18.0
"""Side of the scissors on a card."""
GROUP_HEIGHT, STACK, PILE = 81.0, 5.0, 10.0
"""A folded group, by how much each sheet of a pile stands out behind it, and by how much all of them."""
SHAPED = re.compile(rf"(\d+(?:×\d+)*|\[\]){figures.OF}([^;]+)")
"""A shape and what is said of one tensor's elements."""
SHARES = (0.5, 0.42, 0.58, 0.34, 0.66, 0.26, 0.74, 0.18, 0.82, 0.1, 0.9)
"""Places along a line that are tried for what lies on it."""
HEAD_ROOM, OWN = 12.0, 6.0
"""How far what lies on a line keeps from the heads of others, and its middle from the others themselves."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A tensor as it is drawn.

    Attributes:
        text: one line; of a large tensor its range.
        rows: the numbers of a small matrix.
        heading: shape of a large tensor, above its range.
        picture: rows, columns and levels of its thumbnail.
        odd: whether something in it is NaN or infinite.
    """

    text: str = ""
    rows: tuple[tuple[str, ...], ...] = ()
    heading: str = ""
    picture: tuple[int, int, bytes] | None = None
    odd: bool = False

    @property
    def width(self) -> float:
        if self.rows:
            return text_width("  ".join(self.rows[0]), BODY) + 14
        widest = said_width(self.text)
        if self.picture is None:
            return widest
        return max(widest, text_width(self.heading, SMALL)) + _sides(self.picture)[0] + 8

    @property
    def height(self) -> float:
        if self.rows:
            return len(self.rows) * LINE + 13
        return ROW if self.picture is None else max(_sides(self.picture)[1], 2 * LINE - 6) + 12


def _sides(picture: tuple[int, int, bytes]) -> tuple[float, float]:
    """Width and height of a thumbnail."""
    rows, columns, _ = picture
    longest = max(rows, columns)
    return max(STRIP, THUMB * columns / longest), max(STRIP, THUMB * rows / longest)


def show(snapshots: Iterable[TensorSnapshot | None]) -> Shown:
    """How the results of one operation are drawn: numbers, or else shape and range, with a thumbnail of many."""
    listed = list(snapshots)
    if not listed:
        return Shown(figures.NOT_YET)
    odd = any(is_odd(snapshot) for snapshot in listed)
    only = listed[0]
    if len(listed) > 1 or only is None or only.opaque:
        return Shown(_marked(shorts(listed), odd), odd=odd)
    rows = figures.grid(only)
    if rows is not None and text_width("  ".join(rows[0]), BODY) < WIDEST - 110:
        return Shown(rows=rows, odd=odd)
    text = short(only)
    written_out = only.numel <= figures.SMALL and text == figures.tensor(only)
    picture = None if written_out or figures.uniform(only) else thumbnail.pixels(only)
    if picture is None:
        return Shown(_marked(text, odd), odd=odd)
    return Shown(_marked(figures.reach(only), odd), heading=figures.shape(only.shape), picture=picture, odd=odd)


class Gallery:
    """How tensors are drawn; of one recorded tensor it is found out once."""

    def __init__(self) -> None:
        self._shown: dict[int, tuple[TensorSnapshot, Shown]] = {}

    def show(self, snapshots: Iterable[TensorSnapshot | None]) -> Shown:
        listed = list(snapshots)
        if len(listed) != 1 or listed[0] is None:
            return show(listed)
        only = listed[0]
        known = self._shown.get(id(only))
        if known is None or known[0] is not only:
            if len(self._shown) > 20_000:
                self._shown.clear()
            known = self._shown[id(only)] = (only, show(listed))
        return known[1]

    def odd(self, snapshot: TensorSnapshot | None) -> bool:
        """Whether something in a tensor is NaN or infinite."""
        known = self._shown.get(id(snapshot))
        return known[1].odd if known is not None and known[0] is snapshot else is_odd(snapshot)


def is_odd(snapshot: TensorSnapshot | None) -> bool:
    """Whether something in a tensor is NaN or infinite."""
    if snapshot is None:
        return False
    found = figures.extent(snapshot)
    return bool(found.nan or found.inf)


def _marked(text: str, odd: bool) -> str:
    """The text, with a sign before the elements where some of them are NaN or infinite."""
    shape, what = _parts(text)
    return f"{shape}{figures.OF if shape else ''}{WARNING}{what}" if odd else text


def _parts(text: str) -> tuple[str, str]:
    """The shape that a text begins with, '' where it does not, and what is said of the elements."""
    found = SHAPED.fullmatch(text)
    return (found[1], found[2]) if found else ("", text)


def said_width(text: str) -> float:
    """Width of a text on a line or in a row; a shape before it is small."""
    shape, what = _parts(text)
    return text_width(what, BODY) + (text_width(shape + figures.OF, SMALL) if shape else 0.0)


def short(snapshot: TensorSnapshot | None) -> str:
    """A tensor in one line: small ones written out, of others shape and range."""
    text = figures.tensor(snapshot)
    return text if snapshot is None or len(text) <= TEXT_LIMIT else figures.summary(snapshot)


def contribution(snapshot: TensorSnapshot | None) -> str:
    """A gradient as it lies on a line."""
    return _marked(short(snapshot), is_odd(snapshot))


def shorts(snapshots: Iterable[TensorSnapshot | None]) -> str:
    """Several tensors: of an operation with several results; their shapes, where more would be too long."""
    listed = list(snapshots)
    if len(listed) < 2:
        return "".join(map(short, listed)) or figures.NOT_YET
    text = "; ".join(map(short, listed))
    if len(text) <= TEXT_LIMIT:
        return text
    shapes = ["None" if one is None else figures.shape(one.shape) for one in listed]
    alike = len(set(shapes)) == 1
    return f"{len(shapes)}×({shapes[0]})" if alike else figures.clip("; ".join(shapes), TEXT_LIMIT)


def fit(text: str, room: float, size: float, mono: bool = True) -> str:
    """The text, cut with an ellipsis where there is no room for it."""
    room += 0.5  # what was measured to fit does, however its place is rounded
    if text_width(text, size, mono) <= room:
        return text
    kept = max((n for n in range(len(text)) if text_width(text[:n] + "…", size, mono) <= room), default=0)
    return text[:kept].rstrip() + "…"


def far_size(scale: float, pixels: float = FAR_TEXT) -> float:
    """The size of a text that is as large on the screen at every scale, in few steps: each is a style of its own."""
    return pixels / 1.1 ** round(log(scale, 1.1))


@lru_cache(maxsize=20_000)
def clipped(text: str, room: float, size: float) -> str:
    """The text as far as there is room; '' where nothing could be told by it."""
    found = fit(text, room, size)
    return "" if found == "…" and text != found else found


def _say(sheet: Sheet, x: float, y: float, text: str, colour: str, anchor: str = "e", *, bold: bool = False) -> None:
    """A text on a line or in a row; a shape at its beginning is small and quiet."""
    shape, what = _parts(text)
    if not shape:
        sheet.text(x, y, text, colour, anchor=anchor, bold=bold)
        return
    right = x + said_width(text) * {"w": 1.0, "e": 0.0, "c": 0.5}[anchor]
    before = right - text_width(what, BODY)
    sheet.text(before - text_width(" ", SMALL), y, shape + figures.OF.rstrip(), "quiet", SMALL, anchor="e")
    # Held by the end that is fixed: the screen's own widths differ by a pixel or two.
    if anchor == "e":
        sheet.text(right, y, what, colour, anchor="e", bold=bold)
    else:
        sheet.text(before, y, what, colour, bold=bold)


# ── Cards ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a card: what it is, what it says, in which colour and on which ground."""

    label: str
    shown: Shown
    colour: str
    fill: str = ""


@dataclass(frozen=True, slots=True)
class Face:
    """What a card says at one moment.

    Attributes:
        ink: colour of the title; a quiet one for what torch does not record.
        subtitle, tone: the second line and its colour.
        line: colour of the outline.
        heights: of the rows, the same at every moment.
        state: 'current', 'selected', 'lit' (related to the card under the pointer) or ''.
    """

    title: str
    subtitle: str
    rows: tuple[Row, ...]
    heights: tuple[float, ...]
    ink: str = "text"
    tone: str = "quiet"
    line: str = "edge"
    dashed: bool = False
    state: str = ""


def card(sheet: Sheet, rect: Rect, face: Face) -> None:
    left, top, right, _ = rect
    weight = _ground(sheet, rect, face.state, "card" if not face.dashed else "canvas")
    room = right - left - 2 * PAD
    sheet.text(left + PAD, top + 18, fit(face.title, room, TITLE), face.ink, TITLE, bold=not face.dashed)
    sheet.text(left + PAD, top + 36, fit(face.subtitle, room, SMALL, False), face.tone, SMALL, mono=False)
    y = top + HEAD
    if face.rows:
        sheet.box((left, y, right, y), line="line", radius=0)
    for number, (row, height) in enumerate(zip(face.rows, face.heights, strict=True)):
        last = number == len(face.rows) - 1
        fill = "wrong_soft" if row.shown.odd else row.fill
        if fill:
            sheet.box((left, y, right, y + height), fill, **({"square": "top"} if last else {"radius": 0.0}))
        _row(sheet, left, right, y, height, row)
        y += height
    line = "accent" if face.state in ("current", "selected") else face.line
    sheet.box(rect, line=line, weight=max(weight, 1.6 if face.line != "edge" else 1.3), dashed=face.dashed)


def _ground(sheet: Sheet, rect: Rect, state: str, fill: str) -> float:
    """The card's own ground, on a halo where it is current or lit, in a ring where chosen; how heavy its outline is."""
    left, top, right, bottom = rect
    around = (left - HALO, top - HALO, right + HALO, bottom + HALO)
    if state in ("current", "lit"):
        sheet.box(around, "halo", radius=13.0)
    elif state == "selected":
        sheet.box(around, line="accent", weight=1.2, radius=13.0)
    sheet.box(rect, fill)
    return {"current": 2.6, "selected": 1.8, "lit": 1.3}.get(state, 0.0)


def _row(sheet: Sheet, left: float, right: float, top: float, height: float, row: Row) -> None:
    middle = top + height / 2
    shown = row.shown
    colour = "wrong" if shown.odd else row.colour
    sheet.text(left + PAD, middle, row.label, "quiet", SMALL, mono=row.label.startswith("."))
    edge = right - PAD
    if shown.rows:
        width, above = shown.width, middle - len(shown.rows) * LINE / 2
        for number, cells in enumerate(shown.rows):
            sheet.text(edge - 7, above + (number + 0.5) * LINE, "  ".join(cells), colour, anchor="e")
        for x, inward in ((edge - width, 4.0), (edge, -4.0)):
            low, high = above - 1, above + len(shown.rows) * LINE + 1
            for a, b in (((x, low), (x, high)), ((x, low), (x + inward, low)), ((x, high), (x + inward, high))):
                sheet.shapes.append(Curve((a, a, b, b), colour, 1.1))
        return
    if shown.picture is None:
        _say(sheet, edge, middle, shown.text, colour, bold=shown.odd)
        return
    rows, columns, levels = shown.picture
    wide, high = _sides(shown.picture)
    sheet.raster(edge - wide, middle - high / 2, wide, high, rows, columns, levels)
    sheet.box((edge - wide, middle - high / 2, edge, middle + high / 2), line="line", radius=0.0)
    sheet.text(edge - wide - 8, middle - 9, shown.heading, "quiet", SMALL, anchor="e")
    sheet.text(edge - wide - 8, middle + 8, shown.text, colour, anchor="e", bold=shown.odd)


# ── Groups ────────────────────────────────────────────────────────────────────────────────────────────────────────


def folded(
    sheet: Sheet, rect: Rect, title: str, count: int, subtitle: str, said: tuple[str, str] | None, share: float,
    state: str,
) -> None:  # fmt: skip
    """A folded group: a pile where it holds several of a kind; ``share`` is what has run.

    Args:
        said: the lowest row; None where no gradient passes, which is drawn as untracked cards are.
    """
    left, top, right, bottom = rect
    if count > 1:
        for behind in (2, 1):
            offset = behind * STACK
            sheet.box((left + offset, top - offset, right + offset, bottom - offset), "card", "edge", 1.0)
    _ground(sheet, rect, state, "button" if said is not None else "canvas")
    sheet.text(left + PAD, top + 19, f"▸ {title}", "quiet" if said is None else "text", TITLE, bold=said is not None)
    if count > 1:
        text = f"×{count}"
        wide = text_width(text, SMALL) + 14
        sheet.box((right - PAD - wide, top + 9, right - PAD, top + 29), "accent", radius=10.0)
        sheet.text(right - PAD - wide / 2, top + 19, text, "on_accent", SMALL, anchor="c", bold=True)
    tone = "accent" if count > 1 and state == "current" else "quiet"
    sheet.text(left + PAD, top + 38, subtitle, tone, SMALL, mono=False)
    if said is not None:
        label, text = said
        fill = "grad_soft" if text != figures.NOT_YET else "card"
        sheet.box((left, bottom - ROW, right, bottom), fill, square="top")
        sheet.text(left + PAD, bottom - ROW / 2, label, "quiet", SMALL, mono=False)
        sheet.text(right - PAD, bottom - ROW / 2, text, "grad" if text != figures.NOT_YET else "quiet", anchor="e")
    if 0 < share < 1:
        sheet.box((left, bottom - ROW - 1.5, left + (right - left) * share, bottom - ROW + 1.5), "grad", radius=1.5)
    line, weight = ("accent", 2.6) if state == "current" else ("accent", 1.8) if state == "selected" else ("edge", 1.3)
    sheet.box(rect, line=line, weight=weight, dashed=said is None)


def frame(sheet: Sheet, rect: Rect, depth: int, *, dashed: bool) -> None:
    """An open group: what belongs to it stands inside."""
    sheet.box(rect, _frame_fill(depth), "frame_line", 1.2, dashed=dashed, radius=12.0)


def frame_name(sheet: Sheet, x: float, y: float, text: str, size: float, ground: Rect, depth: int) -> Box:
    """The name of an open group; returns the ground of the text, for lines that pass there."""
    sheet.text(x, y, text, "text", size, bold=True)
    left, top, right, bottom = ground
    return Box(left, top, right - left, bottom - top, _frame_fill(depth), radius=4)


def frame_note(sheet: Sheet, rect: Rect, name_right: float, note: str, depth: int) -> list[Box]:
    """What an open group holds, in its upper right corner where there is room; the ground of the text."""
    _, top, right, _ = rect
    wide = text_width(note, SMALL, False)
    if right - wide <= name_right + 2 * PAD:
        return []
    sheet.text(right - PAD, top + 20, note, "quiet", SMALL, anchor="e", mono=False)
    return [Box(right - PAD - wide - 4, top + 10, wide + 8, 20, _frame_fill(depth), radius=4)]


def name_above(sheet: Sheet, x: float, y: float, text: str, size: float, ground: Rect, depth: int) -> None:
    """The name of an open group above what stands in it; texts beneath would be read through it."""
    sheet.labels = [label for label in sheet.labels if not overlap(label_rect(label), ground)]
    sheet.box(ground, _frame_fill(depth), "frame_line", 1.0, radius=4.0)
    sheet.text(x, y, text, "text", size, bold=True)


def _frame_fill(depth: int) -> str:
    return "frame" if depth % 2 else "canvas"


def clearance(rect: Rect, state: str, count: int, end: Point, outward: Point) -> float:
    """How far before the end of its line an arrow's point stands: where the box's halo, ring or pile begins.

    Args:
        outward: where the line comes from, seen from its end.
    """
    halo = HALO if state else 0.0
    pile = max(halo, PILE if count > 1 else 0.0)  # its other sheets stand out to the right and above
    (left, top, right, bottom), (x, y), (dx, dy) = rect, end, outward
    if abs(dx) > abs(dy):
        gap = right + pile - x if dx > 0 else x - left + halo
    else:
        gap = bottom + halo - y if dy > 0 else y - top + pile
    return max(0.0, gap)


# ── Lines and what lies on them ───────────────────────────────────────────────────────────────────────────────────


def chip(sheet: Sheet, rect: Rect, text: str, colour: str) -> None:
    """What a line carries."""
    fill = {"grad": "grad_soft", "cut": "cut_soft", "wrong": "wrong_soft"}.get(colour, "card")
    sheet.box(rect, fill, colour if colour != "quiet" else "edge", 1.1, radius=CHIP / 2)
    _say(sheet, (rect[0] + rect[2]) / 2, (rect[1] + rect[3]) / 2, text, colour, "c")


def chip_place(
    route: tuple[Point, ...],
    text: str,
    taken: list[Rect],
    must: bool,
    shares: Sequence[float] = SHARES,
    ends: tuple[float, float] = (0.0, 0.0),
) -> Rect | None:
    """Where on a line a chip covers nothing; the first place where there is no such one and it ``must`` be shown.

    Args:
        shares: places along the line that are tried, the best first.
        ends: lengths at both ends of the line that are not free, for its head is there.
    """
    half = max(said_width(text) / 2 + CHIP_PAD, CHIP / 2)
    places = places_along(route, shares, ends)
    rects = [
        (x - half, y + off - CHIP / 2, x + half, y + off + CHIP / 2) for off in (0.0, -8.0, 8.0) for x, y in places
    ]
    free = (rect for rect in rects if not any(overlap(rect, other) for other in taken))
    return next(free, rects[0] if must else None)


def own_places(
    route: tuple[Point, ...],
    shares: Sequence[float],
    ends: tuple[float, float],
    width: float,
    others: Sequence[tuple[Point, ...]],
) -> list[bool]:
    """Which places along a line are on a part of it that is no other's, away from the heads of others."""
    if not others:
        return [True] * len(shares)
    places = np.array(places_along(route, shares, ends))
    along = np.vstack([sample(other) for other in others])
    near_by = (along > places.min(axis=0) - OWN) & (along < places.max(axis=0) + OWN)
    along = along[near_by.all(axis=1)]  # no others can be so near: fewer distances to find out
    heads = np.array([end for other in others for end in (other[0], other[-1])])
    near = np.abs(heads - places[:, None])
    beside_head = (near[..., 0] < width / 2 + HEAD_ROOM) & (near[..., 1] < CHIP / 2 + HEAD_ROOM)
    shared = np.hypot(*(along - places[:, None]).transpose(2, 0, 1)) < OWN
    found: list[bool] = (~beside_head.any(axis=1) & ~shared.any(axis=1)).tolist()
    return found


def standing_shares(
    route: tuple[Point, ...], others: Sequence[tuple[Point, ...]], width: float, number: int, alongside: int
) -> tuple[float, ...]:
    """Places on a line that runs down, those first where what is so wide covers no other line and no arrow head.

    Of several lines that run side by side, each begins at a place of its own.
    """
    points = np.vstack([*(sample(other) for other in others), np.empty((0, 2))])

    def trouble(share: float) -> int:
        ((x, y),) = places_along(route, (share,), (0.0, 0.0))
        away = np.abs(points - (x, y))
        covers = bool(((away[:, 0] < width / 2) & (away[:, 1] < CHIP / 2)).any())
        return covers + int(min(abs(y - route[0][1]), abs(y - route[-1][1])) < CHIP / 2 + ARROW)

    own = [(number + 1) / (alongside + 1)] if alongside > 1 else []
    return (*own, *sorted(SHARES, key=trouble))


def chip_at(route: tuple[Point, ...], text: str, share: float) -> Rect:
    """The place of a chip at a share of a line."""
    half = max(said_width(text) / 2 + CHIP_PAD, CHIP / 2)
    along = sample(route)
    x, y = along[round(share * (len(along) - 1))]
    return (float(x - half), float(y - CHIP / 2), float(x + half), float(y + CHIP / 2))


def stand_in(sheet: Sheet, rect: Rect, title: str, *, leaf: bool, tracked: bool, state: str) -> None:
    """A value drawn again beside one of its users."""
    line = "accent" if state else "leaf" if leaf else "edge"
    if state == "lit":
        sheet.box((rect[0] - 3, rect[1] - 3, rect[2] + 3, rect[3] + 3), "halo", radius=12.0)
    sheet.box(rect, "leaf_soft" if leaf else "card", line, 2.4 if state == "current" else 1.3, dashed=not tracked)
    colour = "leaf" if leaf else "text" if tracked else "quiet"
    sheet.text((rect[0] + rect[2]) / 2, (rect[1] + rect[3]) / 2, title, colour, anchor="c")


def seed(sheet: Sheet, rect: Rect, root: Rect, title: str, text: str, *, changed: bool, current: bool) -> None:
    """The seed below its root or beside it; dashed, for it is no operation."""
    left, top, right, bottom = rect
    colour = "cut" if changed else "grad"
    x, y = (left + right) / 2, (top + bottom) / 2
    steps = (0.0, SEED_DROP - 14, SEED_DROP - 8, SEED_DROP)
    route = tuple((x, root[3] + step) if top > root[3] else (root[2] + step, y) for step in steps)
    line, weight = (colour, 2.4) if current or changed else ("earlier", 1.2)
    sheet.shapes.append(Curve(route, line, weight, arrow="start"))
    sheet.box(rect, f"{colour}_soft", colour if current else "edge", 1.4, dashed=True)
    # A star, as on a document that was changed.
    sheet.text(left + PAD, top + 17, f"{title}{'*' if changed else ''} ✎", colour, SMALL, mono=False)
    _say(sheet, left + PAD, top + 37, text, colour if current else "quiet", "w")


def scissors(sheet: Sheet, rect: Rect, on: bool) -> None:
    """What cuts all uses of a card's value."""
    sheet.box(rect, "cut_soft" if on else "card", "cut", 1.1, radius=9.0)
    sheet.text((rect[0] + rect[2]) / 2, (rect[1] + rect[3]) / 2, "✂", "cut", SMALL, anchor="c")


def legend(sheet: Sheet, words: Words, x: float, y: float, hints: bool, earlier: bool) -> None:
    """What the colours mean, in one row."""
    for key in ("grad", *(("earlier",) if earlier else ()), "edge", "cut", "leaf"):
        if key == "leaf":
            sheet.shapes.append(Box(x + 6, y - 6, 12, 12, line="leaf", weight=1.6, radius=3))
        else:
            line = ((x, y), (x + 7, y), (x + 13, y), (x + 20, y))
            weight = {"grad": 2.4, "earlier": 1.2}.get(key, 1.8)
            sheet.shapes.append(Curve(line, key, weight, dashed=key == "cut"))
        text = words("legend.cut.hint" if hints and key == "cut" else f"legend.{key}")
        sheet.text(x + 28, y, text, "quiet", 12.0, mono=False)
        x += 28 + text_width(text, 12.0, False) + 18
