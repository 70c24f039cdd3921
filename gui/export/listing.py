"""The program as a piece of a page."""

from __future__ import annotations

from core.playback import Playback
from core.records import Trace
from gui.export.blocks import Block, stacked, text_block
from gui.i18n import Words
from gui.inspector.styles import STYLES


def code_block(
    trace: Trace, playback: Playback | None, words: Words, width: float, first: int | None = None,
    last: int | None = None,
) -> Block:  # fmt: skip
    """Lines of the program, from ``first`` to ``last``; all where None."""
    lines = trace.source.split("\n")[(first or 1) - 1 : last]
    return stacked(text_block([(line or " ", STYLES["code"])], width) for line in lines)
