"""The dependency rule, proven in clean interpreters: the window never loads torch, the engine never the window."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

LOADER = """
import importlib, json, sys
broken = []
for name in {modules!r}:
    importlib.import_module(name)
    broken += [[name, other] for other in {forbidden!r} if other in sys.modules]
    if broken:
        break
print(json.dumps(broken))
"""

WINDOW_FREE = ("tkinter", "customtkinter", "matplotlib", "gui")


def modules(package: str) -> list[str]:
    """Every module of a package, found in its folder, so that a new file is covered by itself."""
    folder = ROOT / package
    names = {".".join(path.relative_to(ROOT).with_suffix("").parts) for path in folder.rglob("*.py")}
    return sorted(name.removesuffix(".__init__") for name in names)


def violations(names: list[str], forbidden: tuple[str, ...]) -> list[list[str]]:
    """(module, what it must not load) after importing the modules in a new interpreter."""
    program = LOADER.format(modules=names, forbidden=forbidden)
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    broken: list[list[str]] = json.loads(done.stdout.splitlines()[-1])
    return broken


CORE = [name for name in modules("core") if not f"{name}.".startswith("core.engine.")]


@pytest.mark.parametrize(
    ("names", "forbidden"),
    [
        pytest.param(["core.records"], ("torch", "numpy", "core.engine", *WINDOW_FREE), id="records"),
        pytest.param(CORE, ("torch", "core.engine", *WINDOW_FREE), id="core"),
        pytest.param(["app"], ("torch", "core.engine", *WINDOW_FREE), id="command line"),
        pytest.param(modules("gui"), ("torch", "core.engine"), id="gui"),
        pytest.param(modules("gui/export"), ("tkinter", "torch", "core.engine"), id="export"),
        pytest.param(modules("core/engine"), ("core.client", *WINDOW_FREE), id="engine"),
    ],
)
def test_who_may_import_whom(names: list[str], forbidden: tuple[str, ...]) -> None:
    assert violations(names, forbidden) == []


def test_the_modules_are_found() -> None:
    assert {"core.records", "core.wire", "core.client", "core.playback"} <= set(CORE)
    assert "core.engine.worker" in modules("core/engine")
    assert "core.engine" in modules("core/engine")
    assert "gui" in modules("gui")


def test_a_violation_is_noticed() -> None:
    assert violations(["core.records", "tkinter"], ("tkinter",)) == [["tkinter", "tkinter"]]
