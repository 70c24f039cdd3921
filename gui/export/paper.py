"""The inspector's report as a piece of a page."""

from __future__ import annotations

from typing import Final

from gui.export.blocks import Block, stacked, text_block
from gui.export.matrices import product_block
from gui.inspector.lines import Part, Report
from gui.inspector.styles import PLAIN, STYLES
from gui.picture.shapes import Formula, Scene, formula_size

DEEDS: Final = frozenset({"link", "next", "play"})
"""Tags of what is there to be pressed."""
HEADINGS: Final = frozenset({"title", "section", "subtitle", "heading", "derivative"})
"""Tags of lines after which a page does not end."""


def report_block(report: Report, width: float) -> Block:
    """Everything the inspector shows of a report, without what is there to be pressed."""
    found: list[Block] = []
    joined: list[Block] = []
    for line in report.lines:
        said = [part for part in line if part[1] not in DEEDS]
        if not any(part[0].strip() for part in said):
            continue
        joined.append(_line(report, said, width))
        if said[0][1] not in HEADINGS:
            found.append(_whole(joined))
            joined = []
    return stacked([*found, *([_whole(joined)] if joined else [])])


def _whole(blocks: list[Block]) -> Block:
    """Headings with what they head: a page ends only behind the first line of that."""
    block = stacked(blocks)
    above = block.height - blocks[-1].height
    return Block(block.scene, block.width, block.height, tuple(at for at in block.breaks if at > above))


def _line(report: Report, parts: list[Part], width: float) -> Block:
    text, tag = parts[0][:2]
    if tag == "formula":
        return formula_block(text, width)
    if tag == "equation":
        return product_block(report.products[int(text)], width)
    return text_block([(part[0], STYLES.get(part[1], PLAIN)) for part in parts], width)


def formula_block(text: str, width: float) -> Block:
    """A formula, smaller where it is wider than the page."""
    style = STYLES["formula"]
    wide, high, _ = formula_size(text, style.size)
    share = min(1.0, width / wide) if wide else 1.0
    formula = Formula(0, style.above + high * share / 2, text, style.colour, style.size * share)
    return Block(Scene((formula,)), width, style.above + high * share + style.below)
