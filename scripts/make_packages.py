"""dist/pullback → a .deb and a .tar.xz, with menu entry and icons. Needs dpkg-deb and xz; for Linux."""

from __future__ import annotations

import argparse
import platform
import shutil
import subprocess
import tarfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
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
Categories=Education;Science;Development;
MimeType=application/x-pullback;text/x-python;
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
Depends: libc6
Section: education
Priority: optional
Description: step through backprop in real PyTorch
 Opens a PyTorch program, draws its autograd graph and steps through torch's own
 backward pass, node by node, forwards and back.
"""


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("folder", type=Path, nargs="?", default=ROOT / "dist" / "pullback")
    folder = arguments.parse_args().folder
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    print(deb(folder, version))
    print(tar(folder, version))


def deb(folder: Path, version: str) -> Path:
    """The package that apt installs: the folder below /opt, a link on the path, a menu entry, the file type."""
    architecture = ARCHITECTURES.get(platform.machine(), platform.machine())
    tree = ROOT / "build" / "deb"
    shutil.rmtree(tree, ignore_errors=True)
    shutil.copytree(folder, tree / "opt" / "pullback", symlinks=True)
    command = tree / "usr" / "bin" / "pullback"
    command.parent.mkdir(parents=True)
    command.symlink_to("/opt/pullback/pullback")
    share = tree / "usr" / "share"
    write(share / "applications" / "pullback.desktop", DESKTOP.format(command="pullback", icon="pullback"))
    write(share / "mime" / "packages" / "pullback.xml", MIME)
    write(share / "doc" / "pullback" / "copyright", (ROOT / "LICENSE").read_text(encoding="utf-8"))
    for size in ICONS:
        place = share / "icons" / "hicolor" / f"{size}x{size}" / "apps" / "pullback.png"
        place.parent.mkdir(parents=True)
        shutil.copy(ROOT / "assets" / "icons" / f"pullback-{size}.png", place)
    size = sum(path.stat().st_size for path in tree.rglob("*") if path.is_file()) // 1024
    control = CONTROL.format(version=version, architecture=architecture, size=size)
    write(tree / "DEBIAN" / "control", control)
    target = folder.parent / f"pullback_{version}_{architecture}.deb"
    subprocess.run(["dpkg-deb", "--root-owner-group", "-Zxz", "--build", tree, target], check=True, stdout=-3)
    shutil.rmtree(tree)
    return target


def tar(folder: Path, version: str) -> Path:
    """The folder to be unpacked anywhere, with a menu entry to be put where the desktop looks for them."""
    target = folder.parent / f"pullback-{version}-linux-{platform.machine()}.tar.xz"
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
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
