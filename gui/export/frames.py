"""Blocks in a box, and beside one another; no page ends within them."""

from __future__ import annotations

from typing import Final

from gui.export.blocks import Block, moved
from gui.picture.shapes import Box, Scene

GAP: Final = 22.0
"""Between what stands beside one another."""


def framed(block: Block, fill: str, line: str = "", room: float = 10.0) -> Block:
    """On a ground of its own, with room around."""
    width, height = block.width + 2 * room, block.height + 2 * room
    scene = moved(block.scene, room, room)
    ground = Box(0, 0, width, height, fill, line, radius=6)
    return Block(Scene((ground, *scene.shapes), scene.labels), width, height)


def beside(left: Block, right: Block, width: float) -> Block:
    """In two columns of the same width."""
    ours, other = left.scene, moved(right.scene, (width + GAP) / 2, 0)
    scene = Scene(ours.shapes + other.shapes, ours.labels + other.labels)
    return Block(scene, width, max(left.height, right.height))
