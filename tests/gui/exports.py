"""Picture files as tests ask for them: what is ordered by name."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any, Final

from core.records import Trace
from gui.export import writing
from gui.export.order import Order

ORDERED: Final = {field.name for field in fields(Order)}


def export_picture(trace: Trace, path: Path, **how: Any) -> float:
    """``gui.export.writing.export`` with the fields of its order among the arguments."""
    order = Order(**{name: given for name, given in how.items() if name in ORDERED})
    rest = {name: given for name, given in how.items() if name not in ORDERED}
    return writing.export(trace, path, order, **rest)
