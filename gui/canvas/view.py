"""Which part of a picture is seen, and how large."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Rect = tuple[float, float, float, float]
"""left, top, right, bottom."""

SMALLEST, LARGEST = 0.1, 3.0
"""Zooms between which the reader moves; what is not whole at the smallest can be made as small as it takes."""
COMFORTABLE = 0.6
"""Below this zoom a picture is not opened as a whole."""
OPENED = 0.8
"""Zoom at which its beginning is shown instead."""
ENLARGED = 1.25
"""A small picture is not blown up beyond this."""
ABOVE, BELOW = 40.0, 40.0
"""Units kept free for the buttons and for the legend."""
HELD = 80.0
"""Units of the picture that stay in sight however far it is moved."""


@dataclass
class View:
    """A window on a picture.

    Attributes:
        width, height: in pixels.
        unit: pixels for a unit of the picture at zoom 1; 2.0 on a screen of 200 %.
        zoom: times that.
        x, y: the point of the picture in the upper left corner.
        bounds: of the picture.
        fitted: what the view shows, as long as the reader has not moved it; it is done again in a window of another
            size.
    """

    width: int = 1
    height: int = 1
    unit: float = 1.0
    zoom: float = 1.0
    x: float = 0.0
    y: float = 0.0
    bounds: Rect = (0.0, 0.0, 1.0, 1.0)
    fitted: Literal["opened", "whole", ""] = "opened"

    @property
    def scale(self) -> float:
        """Pixels for each unit of the picture."""
        return self.unit * self.zoom

    @property
    def size(self) -> tuple[float, float]:
        """Width and height of what is seen."""
        return (self.width / self.scale, self.height / self.scale)

    @property
    def rect(self) -> Rect:
        """What is seen of the picture."""
        width, height = self.size
        return (self.x, self.y, self.x + width, self.y + height)

    @property
    def whole(self) -> float:
        """The zoom at which all of the picture is seen."""
        left, top, right, bottom = self.bounds
        free = max(self.height / self.unit - ABOVE - BELOW, 1.0)
        return min(self.width / self.unit / max(right - left, 1.0), free / max(bottom - top, 1.0))

    @property
    def readable(self) -> bool:
        """Whether the picture can be read where all of it is seen."""
        return self.whole >= COMFORTABLE

    @property
    def sees_all(self) -> bool:
        """Whether no part of the picture is outside."""
        left, top, right, bottom = self.bounds
        (x0, y0), (x1, y1) = self.pixel(left, top), self.pixel(right, bottom)
        return min(x0, y0) >= -1 and x1 <= self.width + 1 and y1 <= self.height + 1

    def point(self, x: float, y: float) -> tuple[float, float]:
        """The point of the picture under a pixel."""
        return (self.x + x / self.scale, self.y + y / self.scale)

    def pixel(self, x: float, y: float) -> tuple[float, float]:
        """The pixel above a point of the picture."""
        return ((x - self.x) * self.scale, (y - self.y) * self.scale)

    # ── What the window does ──────────────────────────────────────────────────────────────────────────────────────

    def open(self, first: Rect) -> None:
        """Shows a picture that is new: all of it where that can be read, else its beginning, the first card in sight.

        Along a side that has room for all of the picture it stands in the middle.
        """
        self.fit()
        if not self.readable:
            self.zoom = OPENED
            left, top, right, bottom = self.bounds
            width, height = self.size
            self.x = (left + right - width) / 2 if right - left <= width else left
            high = height - (ABOVE + BELOW) / self.zoom
            self.y = (top + bottom - height) / 2 if bottom - top <= high else top - ABOVE / self.zoom
            self.reveal(first)
        self.fitted = "opened"

    def fit(self) -> None:
        """Shows all of the picture, however small that makes it."""
        left, top, right, bottom = self.bounds
        self.zoom = min(ENLARGED, self.whole)
        width, height = self.size
        self.x, self.y = (left + right - width) / 2, (top + bottom - height) / 2
        self.fitted = "whole"

    def reveal(self, rect: Rect) -> None:
        """Brings a rectangle into sight, if it is not and there is room for it."""
        left, top, right, bottom = rect
        width, height = self.size
        if right - left > width or bottom - top > height:
            return
        if left < self.x or right > self.x + width:
            self.x = (left + right - width) / 2
            self.fitted = ""
        if top < self.y or bottom > self.y + height:
            self.y = (top + bottom - height) / 2
            self.fitted = ""

    # ── What the reader does ──────────────────────────────────────────────────────────────────────────────────────

    def pan(self, dx: float, dy: float) -> None:
        """Moves on by pixels."""
        self._hold(self.x + dx / self.scale, self.y + dy / self.scale)

    def centre(self, x: float, y: float) -> None:
        """Puts a point of the picture in the middle."""
        width, height = self.size
        self._hold(x - width / 2, y - height / 2)

    def zoom_at(self, factor: float, x: float, y: float) -> None:
        """Enlarges; what is under the pixel stays there."""
        fixed = self.point(x, y)
        self.zoom = max(min(SMALLEST, self.whole), min(LARGEST, self.zoom * factor))
        self.x, self.y = fixed[0] - x / self.scale, fixed[1] - y / self.scale
        self.fitted = ""

    def _hold(self, x: float, y: float) -> None:
        """Goes to a corner, but not so far that the picture could be lost."""
        left, top, right, bottom = self.bounds
        width, height = self.size
        held = min(HELD / self.zoom, width / 2, height / 2)
        self.x = min(max(x, left - width + held), right - held)
        self.y = min(max(y, top - height + held), bottom - held)
        self.fitted = ""
