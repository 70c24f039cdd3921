"""A fault of Pullback itself: written to the log, told above the panels, and the window goes on."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
import tkinter as tk
import traceback
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from core import folders, log
from gui.widgets.banner import Deed

if TYPE_CHECKING:
    from gui.app import App


class Trouble:
    """What callbacks raise, and the folder that it is written to."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._last = ""

    def report(self, error: BaseException) -> None:
        """Tells it; the same fault over and over is written once."""
        details = "".join(traceback.format_exception(error))
        if details != self._last:
            log.logger.error("in a callback", exc_info=error)
        self._last = details
        with contextlib.suppress(tk.TclError):  # the window itself may be what is gone
            self._tell(f"{type(error).__name__}: {error}"[:120], details)

    def _tell(self, message: str, details: str) -> None:
        deeds: dict[str, Deed] = {
            "trouble.copy": partial(self._copy, message, details), "trouble.folder": self.open_folder
        }  # fmt: skip
        self._app.banner.show("trouble", "trouble.fault", deeds, message=message)

    def _copy(self, message: str, details: str) -> None:
        self._app.copy(f"{log.versions()}\n\n{details}")
        self._tell(message, details)
        self._app.told("trouble.copied")

    def open_folder(self) -> None:
        """Shows the folder of the logs in the system's own file manager; where there is none, its name is told."""
        folder = folders.logs()
        try:
            folder.mkdir(parents=True, exist_ok=True)
            _open(folder)
        except OSError:
            self._app.banner.show("folder", "trouble.where", folder=folder)


def _open(folder: Path) -> None:
    """Raises OSError where nothing can show it."""
    if sys.platform == "win32":
        os.startfile(folder)
    else:
        command = "open" if sys.platform == "darwin" else "xdg-open"
        manager = subprocess.Popen(
            [command, str(folder)], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            start_new_session=True,
        )  # fmt: skip
        threading.Thread(target=manager.wait, name="pullback-folder", daemon=True).start()
