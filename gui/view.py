"""Which part of a picture is seen, and how large."""

from __future__ import annotations

from dataclasses import dataclass

Rect = tuple[float, float, float, float]
"""left, top, right, bottom."""

SMALLEST, LARGEST = 0.004, 3.0
COMFORTABLE = 0.6
"""Below this zoom a picture is not opened as a whole."""
OPENED = 0.8
"""Zoom at which it is opened instead, to follow what happens."""
ENLARGED = 1.25
"""A small picture is not blown up beyond this."""


@dataclass
class View:
    """A window on a picture.

    Attributes:
        width, height: in pixels.
        unit: pixels for a unit of the picture at zoom 1; 2.0 on a screen of 200 %.
        zoom: times that.
        x, y: the point of the picture in the upper left corner.
        fitted: whether the reader has left the view as it was opened.
    """

    width: int = 1
    height: int = 1
    unit: float = 1.0
    zoom: float = 1.0
    x: float = 0.0
    y: float = 0.0
    fitted: bool = True

    @property
    def scale(self) -> float:
        """Pixels for each unit of the picture."""
        return self.unit * self.zoom

    @property
    def rect(self) -> Rect:
        """What is seen of the picture."""
        return (self.x, self.y, self.x + self.width / self.scale, self.y + self.height / self.scale)

    def point(self, x: float, y: float) -> tuple[float, float]:
        """The point of the picture under a pixel."""
        return (self.x + x / self.scale, self.y + y / self.scale)

    def pixel(self, x: float, y: float) -> tuple[float, float]:
        """The pixel above a point of the picture."""
        return ((x - self.x) * self.scale, (y - self.y) * self.scale)

    def pan(self, dx: float, dy: float) -> None:
        """Moves on by pixels."""
        self.x += dx / self.scale
        self.y += dy / self.scale
        self.fitted = False

    def zoom_at(self, factor: float, x: float, y: float) -> None:
        """Enlarges; what is under the pixel stays there."""
        fixed = self.point(x, y)
        self.zoom = max(SMALLEST, min(LARGEST, self.zoom * factor))
        self.x, self.y = fixed[0] - x / self.scale, fixed[1] - y / self.scale
        self.fitted = False

    def fit(self, bounds: Rect, *, whole: bool = False) -> None:
        """All of a picture; one that would be too small to read opens at a readable size, unless ``whole``."""
        left, top, right, bottom = bounds
        # Room above for the buttons, below for the legend.
        free = max(self.height - 80 * self.unit, 1.0)
        zoom = min(ENLARGED, self.width / self.unit / max(right - left, 1), free / self.unit / max(bottom - top, 1))
        if zoom < COMFORTABLE and not whole:
            zoom = OPENED
        self.zoom = max(SMALLEST, min(LARGEST, zoom))
        self.fitted = True
        width, height = self.width / self.scale, self.height / self.scale
        self.x = (left + right - width) / 2 if right - left <= width + 1 else left
        y = (top + bottom - height) / 2
        self.y = max(y, top - 40 / self.zoom) if bottom - top > height else y

    def reveal(self, rect: Rect) -> None:
        """Brings a rectangle into sight, if it is not and there is room for it."""
        left, top, right, bottom = rect
        width, height = self.width / self.scale, self.height / self.scale
        if right - left > width or bottom - top > height:
            return
        if left < self.x or right > self.x + width:
            self.x = (left + right - width) / 2
        if top < self.y or bottom > self.y + height:
            self.y = (top + bottom - height) / 2

    def centre(self, x: float, y: float) -> None:
        """Puts a point of the picture in the middle."""
        self.x, self.y = x - self.width / self.scale / 2, y - self.height / self.scale / 2
        self.fitted = False
