"""What can be made of a trace: each with the files it may be, and what of an order concerns it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

LINES: Final = frozenset({".svg", ".pdf"})
"""Pictures of lines, which need no scale."""


@dataclass(frozen=True, slots=True)
class Product:
    """Attributes:
    name: how a command line and the tables of words call it.
    endings: of its files, the usual one first.
    concerns: the fields of an order that make a difference to it.
    moments: whether it shows 'one' moment or 'several'.
    """

    name: str
    endings: tuple[str, ...]
    concerns: frozenset[str] = frozenset()
    moments: str = "several"


_LOOKS: Final = frozenset({"theme", "lang", "colours", "direction", "folding"})
_BESIDE: Final = frozenset({"inspector", "code", "caption"})

PRODUCTS: Final = (
    Product("picture", (".png", ".svg", ".pdf"), _LOOKS | _BESIDE | {"scale", "transparent", "cards"}, "one"),
    Product("animation", (".gif", ".webp"), _LOOKS | _BESIDE | {"scale", "cards", "speed"}),
    Product("contact", (".png", ".svg", ".pdf"), _LOOKS | {"scale", "cards"}),
    Product("handout", (".pdf",), _LOOKS | {"paper"}),
    Product("lesson", (".pdf",), _LOOKS | {"paper"}),
    Product("ledger", (".csv", ".json")),
    Product("transcript", (".md",), frozenset({"lang"})),
    Product("trace", (".pullback",)),
)
"""The first that a file's ending fits is meant where nothing else is said."""

BY_NAME: Final = {product.name: product for product in PRODUCTS}
ENDINGS: Final = tuple(dict.fromkeys(ending for product in PRODUCTS for ending in product.endings))


def product_of(path: Path, name: str = "") -> Product:
    """What a file is to be, by its ending where no name is given; raises ValueError, one line."""
    ending = path.suffix.lower()
    if name and name not in BY_NAME:
        raise ValueError(f"no product {name!r}; there are {', '.join(BY_NAME)}")
    fitting = [product for product in PRODUCTS if ending in product.endings and name in ("", product.name)]
    if fitting:
        return fitting[0]
    known = BY_NAME[name].endings if name else ENDINGS
    raise ValueError(f"{path.name}: it must end in {', '.join(known[:-1])}{' or ' if known[1:] else ''}{known[-1]}")
