"""All of a large picture in a corner, where it covers no card that matters; a click or a drag moves the view."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from gui.canvas.view import Rect, View
from gui.picture.shapes import overlap
from gui.theme import Look

if TYPE_CHECKING:
    from PIL.ImageTk import PhotoImage

    from gui.picture.scene import Picture

FROM = 100
"""Cards from which on a picture is large."""
SMALL = 0.4
"""It is large as well where all of it is seen only below this zoom: where it takes more than two windows to read."""
SIDES = {"right": ((200, 116), (72, 34)), "down": ((116, 200), (34, 72))}
"""Units of its longest and its shortest sides, width and height, by where the picture reads."""
SHARE = 0.35
"""Of the canvas's sides at most."""
ASIDE, ABOVE, BELOW = 12, 52, 44
"""Units between the map and the sides of the canvas: above it are the buttons, below it is the legend."""
CORNERS = ((1, 1), (0, 1), (1, 0), (0, 0))
"""Where it may stand, right or left and below or above, the best first."""
CLEAR = 6.0
"""Units that stay free around a card."""


class Minimap(tk.Canvas):
    """``on_move`` is called with the point of the picture that shall be in the middle."""

    def __init__(self, master: tk.Misc, *, on_move: Callable[[float, float], None]) -> None:
        super().__init__(master, highlightthickness=1, borderwidth=0, cursor="hand2", takefocus=False)
        self._on_move = on_move
        self._look: Look | None = None
        self._drawn: tuple[Picture, int, int] | None = None
        self._bounds: Rect = (0.0, 0.0, 1.0, 1.0)
        self._size = (1, 1)
        self._corner: tuple[int, int] | None = None
        self._at = (0.0, 0.0)
        self._pressed = False
        self._photo: PhotoImage | None = None
        self._image = self.create_image(0, 0, anchor="nw")
        self._here = self.create_rectangle(0, 0, 0, 0, width=0)
        self._frame = self.create_rectangle(0, 0, 0, 0, width=2)
        self.bind("<Button-1>", self._press)
        self.bind("<B1-Motion>", self._move)
        self.bind("<ButtonRelease-1>", self._release)

    def show(self, picture: Picture | None, view: View, current: Rect | None, selected: Rect | None = None) -> None:
        """The picture, what is seen of it, and where the current card is; it covers neither that nor the chosen one."""
        if picture is None or self._look is None or not wanted(len(picture.rects), view):
            self._drawn = None if picture is None else self._drawn
            self._corner = None
            self.place_forget()
            return
        if (picture, view.width, view.height) != self._drawn:
            self._drawn = (picture, view.width, view.height)
            self._draw(picture, self._look, view)
        self._stand(view, self._look, [rect for rect in (current, selected) if rect is not None])
        (left, top), (right, bottom) = self._pixel(*view.rect[:2]), self._pixel(*view.rect[2:])
        wide, high = self._size
        self.coords(self._frame, max(1, left), max(1, top), min(wide - 1, right), min(high - 1, bottom))
        if current is not None:
            x, y = self._pixel((current[0] + current[2]) / 2, (current[1] + current[3]) / 2)
            half = self._look.px(3)
            self.coords(self._here, x - half, y - half, x + half, y + half)
        self.itemconfigure(self._here, state="hidden" if current is None else "normal")

    def dress(self, look: Look) -> None:
        self._look, self._drawn = look, None
        self.configure(background=look["card"], highlightbackground=look["edge"], highlightcolor=look["edge"])
        self.itemconfigure(self._frame, outline=look["accent"], width=look.px(2))
        self.itemconfigure(self._here, fill=look["grad"])

    def _stand(self, view: View, look: Look, cards: Sequence[Rect]) -> None:
        """Takes a corner in which it covers no card; stays where it is while it can, or is held."""
        around = CLEAR * view.unit
        pixels = [(*view.pixel(*card[:2]), *view.pixel(*card[2:])) for card in cards]
        near = [(left - around, top - around, right + around, bottom + around) for left, top, right, bottom in pixels]
        wide, high = (side + 2 for side in self._size)

        def place(corner: tuple[int, int]) -> tuple[float, float]:
            x = view.width - wide - look.px(ASIDE) if corner[0] else look.px(ASIDE)
            y = view.height - high - look.px(BELOW) if corner[1] else look.px(ABOVE)
            return x, y

        def free(corner: tuple[int, int]) -> bool:
            x, y = place(corner)
            return not any(overlap((x, y, x + wide, y + high), card) for card in near)

        if self._corner is None or not (self._pressed or free(self._corner)):
            self._corner = next(filter(free, CORNERS), CORNERS[0])
        if self._at != place(self._corner) or not self.winfo_manager():
            self._at = x, y = place(self._corner)
            self.place(x=x, y=y)

    def _draw(self, picture: Picture, look: Look, view: View) -> None:
        from PIL import Image, ImageTk

        self._bounds = left, top, right, bottom = picture.bounds
        (wide, high), (narrow, low) = (map(look.px, sides) for sides in SIDES[picture.direction])
        wide, high = min(wide, int(view.width * SHARE)), min(high, int(view.height * SHARE))
        if (right - left) * high > (bottom - top) * wide:
            high = max(low, round(wide * (bottom - top) / (right - left)))
        else:
            wide = max(narrow, round(high * (right - left) / (bottom - top)))
        self._size = (wide, high)
        pixels = raster(picture.rects, picture.bounds, self._size, look["card"], look["far"])
        self._photo = ImageTk.PhotoImage(Image.fromarray(pixels))
        self.itemconfigure(self._image, image=self._photo)
        self.configure(width=wide, height=high)

    def _pixel(self, x: float, y: float) -> tuple[float, float]:
        left, top, right, bottom = self._bounds
        return ((x - left) / (right - left) * self._size[0], (y - top) / (bottom - top) * self._size[1])

    def _press(self, event: tk.Event[tk.Misc]) -> None:
        self._pressed = True  # it does not go away from under the pointer
        self._move(event)

    def _release(self, event: tk.Event[tk.Misc]) -> None:
        self._pressed = False
        self._move(event)

    def _move(self, event: tk.Event[tk.Misc]) -> None:
        left, top, right, bottom = self._bounds
        self._on_move(left + event.x / self._size[0] * (right - left), top + event.y / self._size[1] * (bottom - top))


def wanted(cards: int, view: View) -> bool:
    """Whether there is a map: where the picture is large, and part of it is out of sight."""
    return not view.sees_all and (cards > FROM or view.whole < SMALL)


def raster(rects: np.ndarray, bounds: Rect, size: tuple[int, int], ground: str, ink: str) -> np.ndarray:
    """Rectangles as pixels, none smaller than one."""
    wide, high = size
    pixels = np.empty((high, wide, 3), dtype=np.uint8)
    pixels[:] = _rgb(ground)
    left, top, right, bottom = bounds
    scale = np.array([wide / (right - left), high / (bottom - top)])
    low = np.clip(((rects[:, :2] - (left, top)) * scale).astype(int), 0, (wide - 1, high - 1))
    sides = np.clip(((rects[:, 2:] - rects[:, :2]) * scale).astype(int), 1, (wide, high))
    # All cards at once, pixel by pixel of the largest of them: a map has few pixels for each.
    for dx in range(int(sides[:, 0].max(initial=0))):
        for dy in range(int(sides[:, 1].max(initial=0))):
            inside = (sides[:, 0] > dx) & (sides[:, 1] > dy)
            x = np.minimum(low[inside, 0] + dx, wide - 1)
            y = np.minimum(low[inside, 1] + dy, high - 1)
            pixels[y, x] = _rgb(ink)
    return pixels


def _rgb(colour: str) -> tuple[int, int, int]:
    return (int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16))
