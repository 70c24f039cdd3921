"""All of a large picture in a corner; a click or a drag moves the view."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from gui.theme import Look
from gui.view import Rect, View

if TYPE_CHECKING:
    from PIL.ImageTk import PhotoImage

    from gui.scene import Picture

FROM = 100
"""Cards from which on there is a map."""
SIDES = {"right": ((200, 116), (72, 34)), "down": ((116, 200), (34, 72))}
"""Units of its longest and its shortest sides, width and height, by where the picture reads."""


class Minimap(tk.Canvas):
    """``on_move`` is called with the point of the picture that shall be in the middle."""

    def __init__(self, master: tk.Misc, *, on_move: Callable[[float, float], None]) -> None:
        super().__init__(master, highlightthickness=1, borderwidth=0, cursor="hand2", takefocus=False)
        self._on_move = on_move
        self._look: Look | None = None
        self._picture: Picture | None = None
        self._bounds: Rect = (0.0, 0.0, 1.0, 1.0)
        self._size = (1, 1)
        self._photo: PhotoImage | None = None
        self._image = self.create_image(0, 0, anchor="nw")
        self._here = self.create_rectangle(0, 0, 0, 0, width=0)
        self._frame = self.create_rectangle(0, 0, 0, 0, width=2)
        self.bind("<Button-1>", self._move)
        self.bind("<B1-Motion>", self._move)

    def show(self, picture: Picture | None, view: View, current: Rect | None) -> None:
        """The picture, what is seen of it, and where the current card is."""
        if picture is None or len(picture.rects) <= FROM or self._look is None:
            self._picture = None
            self.place_forget()
            return
        if picture is not self._picture:
            self._picture = picture
            self._draw(picture, self._look)
        seen = [*self._pixel(*view.rect[:2]), *self._pixel(*view.rect[2:])]
        self.coords(self._frame, *seen)
        if current is not None:
            x, y = self._pixel((current[0] + current[2]) / 2, (current[1] + current[3]) / 2)
            half = self._look.px(3)
            self.coords(self._here, x - half, y - half, x + half, y + half)
        self.itemconfigure(self._here, state="hidden" if current is None else "normal")

    def dress(self, look: Look) -> None:
        self._look, self._picture = look, None
        self.configure(background=look["card"], highlightbackground=look["edge"], highlightcolor=look["edge"])
        self.itemconfigure(self._frame, outline=look["accent"], width=look.px(2))
        self.itemconfigure(self._here, fill=look["grad"])

    def _draw(self, picture: Picture, look: Look) -> None:
        from PIL import Image, ImageTk

        self._bounds = left, top, right, bottom = picture.bounds
        (wide, high), (narrow, low) = (map(look.px, sides) for sides in SIDES[picture.direction])
        if (right - left) * high > (bottom - top) * wide:
            high = max(low, round(wide * (bottom - top) / (right - left)))
        else:
            wide = max(narrow, round(high * (right - left) / (bottom - top)))
        self._size = (wide, high)
        pixels = raster(picture.rects, picture.bounds, self._size, look["card"], look["far"])
        self._photo = ImageTk.PhotoImage(Image.fromarray(pixels))
        self.itemconfigure(self._image, image=self._photo)
        self.configure(width=wide, height=high)
        self.place(relx=1.0, rely=1.0, x=-look.px(12), y=-look.px(44), anchor="se")

    def _pixel(self, x: float, y: float) -> tuple[float, float]:
        left, top, right, bottom = self._bounds
        return ((x - left) / (right - left) * self._size[0], (y - top) / (bottom - top) * self._size[1])

    def _move(self, event: tk.Event[tk.Misc]) -> None:
        left, top, right, bottom = self._bounds
        self._on_move(left + event.x / self._size[0] * (right - left), top + event.y / self._size[1] * (bottom - top))


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
