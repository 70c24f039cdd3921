"""Where Pullback keeps what is not the reader's own files: settings, unsaved texts, logs."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Final, Literal

NOWHERE: Final = Path(os.devnull)
"""Stands for the folders of a user who has none."""


def settings() -> Path:
    """What the reader prefers and how far the lessons are."""
    return _folder("user_config_dir")


def journals() -> Path:
    """Unsaved texts."""
    return _folder("user_state_dir") / "journal"


def logs() -> Path:
    """What went wrong in Pullback itself."""
    return _folder("user_log_dir")


def why_not(folder: Path) -> str:
    """Why nothing can be kept in a folder, which is made if need be; '' where it can be."""
    if NOWHERE in (folder, *folder.parents):
        return "this user has no home folder"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        return error.strerror or str(error)
    return ""


def _folder(kind: Literal["user_config_dir", "user_state_dir", "user_log_dir"]) -> Path:
    import platformdirs

    try:
        return Path(getattr(platformdirs, kind)("pullback", appauthor=False))
    except RuntimeError:  # a user that the system does not know, and no HOME
        return NOWHERE
