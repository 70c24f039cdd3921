"""Pieces of a page, and how they stand below one another."""

from __future__ import annotations

from dataclasses import dataclass

from gui.picture.shapes import Scene


@dataclass(frozen=True, slots=True)
class Block:
    """A piece of a page: a scene whose top left corner is 0, 0.

    Attributes:
        breaks: heights at which a page may end within it.
    """

    scene: Scene
    width: float
    height: float
    breaks: tuple[float, ...] = ()
