"""A picture on the clipboard, by what each system has for it: Tk itself puts only text there."""

from __future__ import annotations

import contextlib
import ctypes
import io
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

LIMIT: Final = 10.0
"""Seconds that a command of the system may take."""

_COMMANDS: Final = (
    # how the screen is known, what takes a picture there, and what it is called where it can be installed
    ("WAYLAND_DISPLAY", ("wl-copy", "--type", "image/png"), "wl-clipboard"),
    ("DISPLAY", ("xclip", "-selection", "clipboard", "-target", "image/png", "-in"), "xclip"),
)
_READ_PNG: Final = (
    "on run arguments",
    "set the clipboard to (read (POSIX file (item 1 of arguments)) as «class PNGf»)",
    "end run",
)


class Missing(Exception):
    """Nothing here can put a picture on the clipboard; the message is what to install."""


def find() -> Callable[[bytes], None]:
    """What puts a PNG on the clipboard, raising OSError where it cannot; raises Missing."""
    if sys.platform == "win32":
        return _windows
    if sys.platform == "darwin":
        return _macos
    screens = [row for row in _COMMANDS if os.environ.get(row[0])]
    for _, command, _ in screens:
        if shutil.which(command[0]):
            return lambda png: _run(command, png)
    raise Missing(screens[0][2] if screens else _COMMANDS[-1][2])


def _run(command: tuple[str, ...], given: bytes = b"") -> None:
    # These commands leave a child behind that owns the clipboard. It must neither be waited for by way of its output
    # nor end with the terminal's Ctrl-C.
    with tempfile.TemporaryFile() as said:
        try:
            done = subprocess.run(
                command, input=given, stdout=subprocess.DEVNULL, stderr=said, timeout=LIMIT, start_new_session=True,
                check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            raise OSError(f"{command[0]} does not answer") from None
        said.seek(0)
        reason = said.read(1000).decode(errors="replace").strip().splitlines()
    if done.returncode:
        raise OSError(reason[-1] if reason else f"{command[0]} failed ({done.returncode})")


def _macos(png: bytes) -> None:
    with tempfile.TemporaryDirectory(prefix="pullback-") as folder:
        file = Path(folder, "picture.png")
        file.write_bytes(png)
        _run(("osascript", *(part for line in _READ_PNG for part in ("-e", line)), str(file)))


def bitmap(png: bytes) -> bytes:
    """The picture as Windows' clipboard wants it (CF_DIB): a BMP file without its file header."""
    from PIL import Image

    target = io.BytesIO()
    with Image.open(io.BytesIO(png)) as picture:
        picture.convert("RGB").save(target, "BMP")
    return target.getvalue()[14:]


def _windows(png: bytes) -> None:
    """Both as PNG, which keeps its size, and as the bitmap that every program understands."""
    user, kernel = ctypes.windll.user32, ctypes.windll.kernel32  # type: ignore[attr-defined,unused-ignore]
    for function, result, *arguments in (
        (user.CreateWindowExW, ctypes.c_void_p, ctypes.c_ulong, ctypes.c_wchar_p, ctypes.c_wchar_p, ctypes.c_ulong,
         *[ctypes.c_int] * 4, *[ctypes.c_void_p] * 4),
        (user.DestroyWindow, ctypes.c_int, ctypes.c_void_p),
        (user.OpenClipboard, ctypes.c_int, ctypes.c_void_p),
        (user.SetClipboardData, ctypes.c_void_p, ctypes.c_uint, ctypes.c_void_p),
        (kernel.GlobalAlloc, ctypes.c_void_p, ctypes.c_uint, ctypes.c_size_t),
        (kernel.GlobalLock, ctypes.c_void_p, ctypes.c_void_p),
        (kernel.GlobalUnlock, ctypes.c_int, ctypes.c_void_p),
    ):  # fmt: skip
        function.restype, function.argtypes = result, arguments
    # The clipboard wants an owner, and Tk's own window belongs to another thread.
    owner = user.CreateWindowExW(0, "STATIC", None, 0, 0, 0, 0, 0, None, None, None, None)
    try:
        _open(user, owner)
        try:
            user.EmptyClipboard()
            for kind, data in ((user.RegisterClipboardFormatW("PNG"), png), (8, bitmap(png))):
                memory = kernel.GlobalAlloc(2, len(data))  # GMEM_MOVEABLE; the clipboard frees it
                place = kernel.GlobalLock(memory) if memory else None
                if not place:
                    raise OSError("not enough memory")
                ctypes.memmove(place, data, len(data))
                kernel.GlobalUnlock(memory)
                if not user.SetClipboardData(kind, memory):
                    raise OSError("the clipboard refused the picture")
        finally:
            user.CloseClipboard()
    finally:
        with contextlib.suppress(OSError):
            user.DestroyWindow(owner)


def _open(user: Any, owner: Any) -> None:
    """Another program may hold the clipboard for a moment."""
    for _ in range(20):
        if user.OpenClipboard(owner):
            return
        time.sleep(0.05)
    raise OSError("another program holds the clipboard")
