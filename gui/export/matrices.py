"""Jacobians and their products as pieces of a page."""

from __future__ import annotations

from gui.export.blocks import Block, text_block
from gui.i18n import Words
from gui.inspector.jacobian import Product
from gui.inspector.styles import STYLES


def product_block(product: Product, words: Words, width: float) -> Block:
    rows, columns = product.jacobian.shape
    return text_block([(f"J {rows}×{columns}", STYLES["code"])], width)
