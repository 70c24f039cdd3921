"""What stands beside a picture: what is said of the moment, and the program."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from core.playback import Playback
from core.records import Trace
from gui.export.blocks import Block
from gui.export.frames import framed
from gui.export.knowledge import Knowledge
from gui.export.listing import code_block
from gui.export.order import Order
from gui.export.page import Panels
from gui.export.paper import report_block
from gui.inspector.report import describe
from gui.picture.cards import Graph

WIDTH: Final = 420.0
"""Of each panel, about as on the screen."""
LEAVES: Final = 12
"""Gradients of leaves that are told."""
ROOM: Final = 14.0
"""Around what stands in a panel."""
KEPT: Final = 256
"""Moments whose panels are remembered: all are measured before the first one is drawn."""


def panels(order: Order, graph: Graph, known: Knowledge, written: Trace | None = None) -> Panels:
    """The panels that an order asks for, at any moment: the program, then the inspector."""
    words = order.words

    def code(moment: Playback) -> Block:
        return framed(code_block(moment.trace, moment, WIDTH - 2 * ROOM), "panel", "line", ROOM)

    def inspector(moment: Playback) -> Block:
        report = describe(moment, graph, order.chosen, words, written, known, leaves=LEAVES)
        return framed(report_block(report, WIDTH - 2 * ROOM), "panel", "line", ROOM)

    wanted = [panel for panel, asked in ((code, order.code), (inspector, order.inspector)) if asked]

    @lru_cache(KEPT)
    def at(cursor: int, moment: Playback) -> tuple[Block, ...]:
        return tuple(panel(moment) for panel in wanted)

    return lambda moment: at(moment.cursor, moment)
