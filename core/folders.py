"""Where Pullback keeps what is not the reader's own files: settings, unsaved texts, logs."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path

NAME = "pullback"


def settings() -> Path:
    """What the reader prefers and how far the lessons are."""
    import platformdirs

    return Path(platformdirs.user_config_dir(NAME, appauthor=False))


def journals() -> Path:
    """Unsaved texts."""
    import platformdirs

    return Path(platformdirs.user_state_dir(NAME, appauthor=False)) / "journal"


def logs() -> Path:
    """What went wrong in Pullback itself."""
    import platformdirs

    return Path(platformdirs.user_log_dir(NAME, appauthor=False))


def why_not(folder: Path) -> str:
    """Why nothing can be kept in a folder, which is made if need be; '' where it can be."""
    if not folder.is_absolute():
        return "this user has no home folder"  # else it would be one called ~, wherever Pullback was started
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with contextlib.closing(tempfile.TemporaryFile(dir=folder)):
            return ""
    except OSError as error:
        return error.strerror or os.strerror(error.errno or 0)
