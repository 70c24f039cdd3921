"""The window starts silently and leaves the home folder as it found it."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
START = """
import time
from gui.app import App
from gui.settings import Settings
from gui.widgets.toolkit import ctk
app = App(start=lambda: None, settings=Settings("en", "light", 100, "off"))
app.session.recorded = True
deadline = time.monotonic() + 60
while not app.canvas._ready:
    assert time.monotonic() < deadline
    app.update()
    time.sleep(0.01)
app.canvas.redraw()
app.update()
assert "CustomTkinter_shapes_font" in app.tk.splitlist(app.tk.call("font", "families"))
app.close()
"""


@pytest.mark.parametrize("usable", [True, False])
def test_nothing_is_printed_and_no_font_is_copied(display: str, tmp_path: Path, usable: bool) -> None:
    home = tmp_path if usable else Path("/dev/null/home")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("XDG_", "MPLCONFIG"))}
    done = subprocess.run(
        [sys.executable, "-c", START], cwd=ROOT, env={**kept, "HOME": str(home), "DISPLAY": display},
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert not (tmp_path / ".fonts").exists()


def test_only_the_toolkit_imports_customtkinter() -> None:
    """Whoever imported it first would let it copy its fonts."""
    importers = set()
    for path in (ROOT / "gui").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if any(name.split(".")[0] == "customtkinter" for name in names):
                importers.add(path.name)
    assert importers == {"toolkit.py"}
