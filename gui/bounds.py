"""What programs can and cannot do here, in words."""

from __future__ import annotations

from collections.abc import Iterator

from core.limits import Limits
from gui.i18n import Words

SANDBOX = ("files", "network")
"""What the worker may say that holds, see ``core.protection.bound``."""


def said(bound: tuple[str, ...], limits: Limits, words: Words) -> Iterator[str]:
    """A sentence for each thing, true of the worker that said what holds."""
    yield words("bound.read")
    for what in SANDBOX:
        yield words(f"bound.{what}" if what in bound else f"bound.{what}.not")
    memory = "memory" in bound and limits.memory
    yield words("bound.memory", size=size(limits.memory)) if memory else words("bound.memory.not")


def size(memory: int) -> str:
    """MB as it is written: ``4 GB``."""
    return f"{memory} MB" if memory % 1024 else f"{memory // 1024} GB"
