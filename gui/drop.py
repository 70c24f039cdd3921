"""Files dropped on the window: the only module that knows tkdnd, the extension that Tk needs for that."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable


def accept(window: tk.Misc, on_files: Callable[[tuple[str, ...]], object]) -> bool:
    """Has a window take dropped files; False where the extension is not there for this system.

    ``on_files`` gets their paths when Tk has nothing else to do, so that the program they come from need not wait for
    what the reader is asked.
    """
    try:
        from tkinterdnd2 import DND_FILES, TkinterDnD

        TkinterDnD.require(window)
        window.tk.call("tkdnd::drop_target", "register", window, DND_FILES)
    except (ImportError, RuntimeError, tk.TclError):
        return False

    def dropped(paths: str) -> str:
        if files := tuple(map(str, window.tk.splitlist(paths))):
            window.after_idle(on_files, files)
        return "copy"

    window.tk.call("bind", window, f"<<Drop:{DND_FILES}>>", f"{window.register(dropped)} %D")
    return True
