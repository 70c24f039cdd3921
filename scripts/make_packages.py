"""dist/pullback → a .deb and a .tar.xz, with menu entry and icons. Needs dpkg-deb and xz; for Linux."""

from __future__ import annotations

import argparse
import mmap
import platform
import re
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from core.version import VERSION  # noqa: E402

ICONS = (16, 32, 48, 128, 256)
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}

DESKTOP = """[Desktop Entry]
Type=Application
Name=Pullback
Comment=Step through backprop in real PyTorch
Comment[zh_CN]=逐步走过真实 PyTorch 的反向传播
Exec={command} %f
Icon={icon}
Terminal=false
Categories=Education;ComputerScience;
MimeType=application/x-pullback;text/x-python;text/markdown;
StartupWMClass=Pullback
"""

MIME = """<?xml version="1.0" encoding="UTF-8"?>
<mime-info xmlns="http://www.freedesktop.org/standards/shared-mime-info">
  <mime-type type="application/x-pullback">
    <comment>Pullback trace</comment>
    <glob pattern="*.pullback"/>
    <icon name="pullback"/>
  </mime-type>
</mime-info>
"""

CONTROL = """Package: pullback
Version: {version}
Architecture: {architecture}
Maintainer: Pullback contributors
Installed-Size: {size}
Depends: libc6 (>= {glibc})
Recommends: shared-mime-info, desktop-file-utils
Section: education
Priority: optional
Description: step through backprop in real PyTorch
 Opens a PyTorch program, draws its autograd graph and steps through torch's own
 backward pass, node by node, forwards and back.
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", default=ROOT / "dist" / "pullback")
    parser.add_argument("--fast", action="store_true", help="only the .deb, packed quickly, to be tested")
    arguments = parser.parse_args()
    for old in (*arguments.folder.parent.glob("*.deb"), *arguments.folder.parent.glob("*.tar.xz")):
        old.unlink()
    print(deb(arguments.folder, 1 if arguments.fast else 6))
    if not arguments.fast:
        print(tar(arguments.folder))


def deb(folder: Path, level: int) -> Path:
    """The package that apt installs: the folder below /opt, a link on the path, a menu entry, the file type."""
    architecture = ARCHITECTURES.get(platform.machine(), platform.machine())
    tree = ROOT / "build" / "deb"
    shutil.rmtree(tree, ignore_errors=True)
    shutil.copytree(folder, tree / "opt" / "pullback", symlinks=True)
    made(tree / "usr" / "bin" / "pullback").symlink_to("/opt/pullback/pullback")
    share = tree / "usr" / "share"
    write(share / "applications" / "pullback.desktop", DESKTOP.format(command="pullback", icon="pullback"))
    write(share / "mime" / "packages" / "pullback.xml", MIME)
    shutil.copy(folder / "_internal" / "assets" / "licences.txt", made(share / "doc" / "pullback" / "copyright"))
    for size in ICONS:
        place = share / "icons" / "hicolor" / f"{size}x{size}" / "apps" / "pullback.png"
        shutil.copy(ROOT / "assets" / "icons" / f"pullback-{size}.png", made(place))
    size = sum(path.stat().st_size for path in tree.rglob("*") if path.is_file()) // 1024
    control = CONTROL.format(version=VERSION, architecture=architecture, size=size, glibc=glibc(folder))
    write(tree / "DEBIAN" / "control", control)
    target = folder.parent / f"pullback_{VERSION}_{architecture}.deb"
    command = ["dpkg-deb", "--root-owner-group", "-Zxz", f"-z{level}", "--build", tree, target]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    shutil.rmtree(tree)
    return target


def glibc(folder: Path) -> str:
    """The oldest C library that every file runs with: the newest version of a symbol that any of them names."""
    newest = (2, 0)
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink() and path.stat().st_size:
            with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as whole:
                if whole[:4] == b"\x7fELF":
                    found = re.findall(rb"GLIBC_2\.(\d+)\0", whole)
                    newest = max([newest, *((2, int(minor)) for minor in found)])
    return ".".join(map(str, newest))


def tar(folder: Path) -> Path:
    """The folder to be unpacked anywhere, with a menu entry to be put where the desktop looks for them."""
    target = folder.parent / f"pullback-{VERSION}-linux-{platform.machine()}.tar.xz"
    entry = ROOT / "build" / "pullback.desktop"
    write(entry, DESKTOP.format(command="/path/to/pullback/pullback", icon="/path/to/pullback/pullback.png"))
    with target.open("wb") as out:
        # xz itself uses every processor; Python's would take minutes.
        packer = subprocess.Popen(["xz", "--threads=0", "-6", "--stdout"], stdin=subprocess.PIPE, stdout=out)
        assert packer.stdin is not None
        with tarfile.open(fileobj=packer.stdin, mode="w|") as archive:
            archive.add(folder, "pullback")
            archive.add(entry, "pullback/pullback.desktop")
            archive.add(ROOT / "assets" / "icons" / "pullback-256.png", "pullback/pullback.png")
        packer.stdin.close()
        if packer.wait():
            raise SystemExit(f"{target}: xz failed")
    return target


def write(path: Path, text: str) -> None:
    made(path).write_text(text, encoding="utf-8")


def made(path: Path) -> Path:
    """A path whose folder is there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


if __name__ == "__main__":
    main()
