"""What the packages hold, and how large they are."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import xml.etree.ElementTree as ET
from importlib.metadata import distribution
from pathlib import Path

import pytest

from core.version import VERSION
from gui.about import HEADING
from tests.exe.conftest import DIST, ROOT, Installed
from tests.test_project import pins

pytestmark = pytest.mark.exe

LARGEST, LARGEST_PACKED = 520, 150
"""MB of the folder, and of it packed as well as can be."""


def megabytes(folder: Path) -> float:
    return sum(file.lstat().st_size for file in folder.rglob("*") if not file.is_dir()) / 1e6


def test_the_folder_is_not_larger_than_it_should_be() -> None:
    found = megabytes(DIST / "pullback")
    print(f"{found:.0f} MB")
    assert found <= LARGEST * 1.048576
    for packed in DIST.glob(f"pullback-{VERSION}-*.tar.xz"):
        assert packed.stat().st_size / 1e6 <= LARGEST_PACKED


def test_apt_would_install_it() -> None:
    """With what it depends on; only simulated, because a test is no reason to change a machine."""
    if shutil.which("apt-get") is None:
        pytest.skip("no apt here")
    (package,) = DIST.glob("*.deb")
    command = ["apt-get", "--simulate", "--quiet", "install", str(package)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert f"Inst pullback ({VERSION}" in done.stdout


def test_the_desktop_finds_it(installed: Installed) -> None:
    share = installed.root / "usr" / "share"
    entry = share / "applications" / "pullback.desktop"
    if shutil.which("desktop-file-validate"):
        done = subprocess.run(["desktop-file-validate", str(entry)], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout) == (0, "")
    lines = entry.read_text(encoding="utf-8").splitlines()
    assert "Exec=pullback %f" in lines
    types = next(line.removeprefix("MimeType=") for line in lines if line.startswith("MimeType="))
    assert set(types.strip(";").split(";")) == {"application/x-pullback", "text/x-python", "text/markdown"}
    mime = ET.parse(share / "mime" / "packages" / "pullback.xml").getroot()
    assert [glob.get("pattern") for glob in mime.findall(".//{*}glob")] == ["*.pullback"]
    assert (share / "icons" / "hicolor" / "256x256" / "apps" / "pullback.png").exists()
    link = os.readlink(installed.root / "usr" / "bin" / "pullback")
    assert installed.root / link.lstrip("/") == Path(installed.command)


def test_everything_bundled_has_its_licence(installed: Installed) -> None:
    text = (installed.folder / "_internal" / "assets" / "licences.txt").read_text(encoding="utf-8")
    named = {line.removeprefix(HEADING) for line in text.splitlines() if line.startswith(HEADING)}
    assert "Files of an unknown licence" not in named
    for package in pins("requirements.txt"):
        assert f"{package} {distribution(package).version}".lower() in {name.lower() for name in named}
    parts = re.split(rf"^{HEADING}", text, flags=re.MULTILINE)[1:]
    assert [part.splitlines()[0] for part in parts if len(part) < 500] == []
    for words in ("DejaVu", "SIL OPEN FONT LICENSE", "OpenBLAS", "Tk", "PYTHON SOFTWARE FOUNDATION LICENSE"):
        assert words in text, words
    assert f"{HEADING}Pullback {VERSION}" in text


def test_the_folder_holds_what_is_read_while_it_runs(installed: Installed) -> None:
    there = installed.folder / "_internal" / "assets"
    listed = subprocess.run(["git", "ls-files", "assets"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert listed.returncode == 0
    assert [name for name in listed.stdout.split() if not (there.parent / name).exists()] == []
