"""Pictures on the clipboard, with commands of the system that are only pretended."""

from __future__ import annotations

import io
import os
import shutil
import struct
import sys
from pathlib import Path

import pytest
from PIL import Image

from gui.canvas import clipboard

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="commands are shell scripts")


def png() -> bytes:
    target = io.BytesIO()
    Image.new("RGB", (5, 3), "#C2410C").save(target, "PNG")
    return target.getvalue()


@pytest.fixture
def commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is the whole PATH, beside what the scripts need, on an X11 screen."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for tool in ("sh", "cat", "sleep"):
        (folder / tool).symlink_to(shutil.which(tool) or "")
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setenv("DISPLAY", os.environ.get("DISPLAY") or ":99")
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.setattr(sys, "platform", "linux")
    return folder


def pretend(folder: Path, name: str, does: str) -> None:
    script = folder / name
    script.write_text(f'#!/bin/sh\nhere="{folder}"\n{does}\n')
    script.chmod(0o755)


KEEPS = 'cat > "$here/got"\necho "$0 $*" > "$here/said"'


def test_xclip_is_given_the_picture(commands: Path) -> None:
    pretend(commands, "xclip", KEEPS)
    clipboard.find()(png())
    assert (commands / "got").read_bytes() == png()
    assert "-selection clipboard -target image/png" in (commands / "said").read_text()


def test_on_wayland_it_is_wl_copy_or_else_xclip(commands: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WAYLAND_DISPLAY", "wayland-0")
    pretend(commands, "xclip", KEEPS)
    clipboard.find()(png())
    assert "xclip" in (commands / "said").read_text()
    pretend(commands, "wl-copy", KEEPS)
    clipboard.find()(png())
    assert "wl-copy --type image/png" in (commands / "said").read_text()


def test_the_child_that_owns_the_clipboard_is_not_waited_for(commands: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # It keeps every output open, as xclip does; who read one of them to its end would wait for it.
    monkeypatch.setattr(clipboard, "LIMIT", 5.0)
    pretend(commands, "xclip", f"{KEEPS}\nsleep 20 &")
    clipboard.find()(png())
    assert (commands / "got").read_bytes() == png()


def test_what_goes_wrong_is_told_in_its_words(commands: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(commands, "xclip", 'echo "Error: Can\'t open display: :99" >&2\nexit 1')
    with pytest.raises(OSError, match="Can't open display"):
        clipboard.find()(png())
    pretend(commands, "xclip", "exit 3")
    with pytest.raises(OSError, match=r"xclip failed \(3\)"):
        clipboard.find()(png())
    monkeypatch.setattr(clipboard, "LIMIT", 0.2)
    pretend(commands, "xclip", "exec sleep 20")
    with pytest.raises(OSError, match="xclip does not answer"):
        clipboard.find()(png())


@pytest.mark.parametrize(("variable", "package"), [("", "xclip"), ("WAYLAND_DISPLAY", "wl-clipboard")])
def test_what_is_missing_is_named(commands: Path, monkeypatch: pytest.MonkeyPatch, variable: str, package: str) -> None:
    if variable:
        monkeypatch.setenv(variable, "there")
    with pytest.raises(clipboard.Missing, match=f"^{package}$"):
        clipboard.find()


def test_on_macos_the_picture_is_read_from_a_file_that_does_not_stay(
    commands: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    pretend(commands, "osascript", 'for last; do :; done\ncat "$last" > "$here/got"\necho "$*" > "$here/said"')
    clipboard.find()(png())
    assert (commands / "got").read_bytes() == png()
    said = (commands / "said").read_text().strip()
    assert "set the clipboard to (read (POSIX file (item 1 of arguments)) as «class PNGf»)" in said
    assert not Path(said.split()[-1]).exists()


def test_windows_gets_a_bitmap_without_its_file_header() -> None:
    blob = clipboard.bitmap(png())
    assert struct.unpack("<IiiHH", blob[:16]) == (40, 5, 3, 1, 24)
    assert blob[40:43] == bytes.fromhex("0C41C2")
