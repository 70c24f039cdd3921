"""What programs can and cannot do here, in words."""

from __future__ import annotations

from collections.abc import Iterator

from core.limits import Limits
from gui.i18n import Words

SANDBOX = ("files", "network")
"""What the worker may say that holds, see ``core.protection.bound``."""


def said(bound: tuple[str, ...], limits: Limits, words: Words) -> Iterator[str]:
    """Sentences that are true of the worker that said what holds."""
    yield words(f"bound.{'_'.join(what for what in SANDBOX if what in bound) or 'nothing'}")
    memory = "memory" in bound and limits.memory
    yield words("bound.memory", size=size(limits.memory)) if memory else words("bound.no_memory")


def size(memory: int) -> str:
    """MB as it is written: ``4 GB``."""
    return f"{memory} MB" if memory % 1024 else f"{memory // 1024} GB"
