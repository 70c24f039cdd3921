"""What goes wrong in Pullback itself, in files that stay small; nothing of the learner's program is written there."""

from __future__ import annotations

import contextlib
import faulthandler
import logging
import platform
import sys
import threading
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Final

from core.version import VERSION

LARGEST: Final = 1 << 20
"""Bytes of a file, of which there are at most four."""
NAME, CRASHES = "pullback.log", "crash.log"

logger: Final = logging.getLogger("pullback")


def begin(folder: Path) -> None:
    """Writes to files of a folder from now on, crashes in C too; where that cannot be, to standard error only."""
    if sys.stderr is not None:
        logger.addHandler(logging.StreamHandler())
    threading.excepthook = lambda fault: logger.error(
        "in thread %s", fault.thread and fault.thread.name,
        exc_info=(fault.exc_type, fault.exc_value or fault.exc_type(), fault.exc_traceback),
    )  # fmt: skip
    with contextlib.suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        file = RotatingFileHandler(folder / NAME, maxBytes=LARGEST, backupCount=3, encoding="utf-8", delay=True)
        file.setFormatter(logging.Formatter("%(asctime)s %(process)d %(levelname)s %(message)s"))
        logger.addHandler(file)
        crashes = folder / CRASHES
        if crashes.exists() and crashes.stat().st_size > LARGEST:
            crashes.unlink()
        faulthandler.enable(crashes.open("a", encoding="utf-8"))


def versions() -> str:
    """What a report of a fault begins with."""
    from importlib.metadata import PackageNotFoundError, version  # no start of the window has to wait for it

    named = [f"Pullback {VERSION}"]
    for package in ("torch", "customtkinter", "matplotlib"):
        with contextlib.suppress(PackageNotFoundError):
            named.append(f"{package} {version(package)}")
    return ", ".join([*named, f"Python {platform.python_version()}", platform.platform()])
