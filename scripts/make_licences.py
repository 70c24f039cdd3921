"""The licences of all that the executable holds, as one text; build.spec says what that is.

A file belongs to a package of Python, to Python itself, or to a package of the system, whose copyright Debian keeps in
/usr/share/doc. What belongs to none of them is named at the end.
"""

from __future__ import annotations

import re
import subprocess
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from core.version import VERSION  # noqa: E402

HEADING = "═══ "
"""What a line begins with that names a component; the window's About box finds them by it."""
COMMON = Path("/usr/share/common-licenses")
"""Where Debian keeps the licences that its packages name without repeating them."""
UNKNOWN = "Files of an unknown licence"
LICENCE = re.compile(r"(?:.*/)?(?:LICEN[CS]E|COPYING|NOTICE|AUTHORS|COPYRIGHT)[^/]*|.*/licenses/.*", re.IGNORECASE)
CODE = (".py", ".pyc")


class Licence(NamedTuple):
    """One component.

    Attributes:
        name: with its version.
        kind: in short, '' where nobody says.
        text: in full.
    """

    name: str
    kind: str
    text: str


def licences(sources: Iterable[Path]) -> list[Licence]:
    """What is to be told of the files that were collected."""
    packages = {file: found for found in distributions() for file in _files(found)}
    bundled: dict[str, Distribution] = {}
    system: dict[str, set[str]] = {}
    unknown: list[Path] = []
    python = [Path(sysconfig.get_paths()["stdlib"]).resolve(), Path(sys.base_prefix).resolve()]
    for source in sorted({source.resolve() for source in sources}):
        if source.is_relative_to(ROOT) and "site-packages" not in source.parts:
            continue
        found = packages.get(source)
        if found is not None:
            bundled[found.metadata["Name"].lower()] = found
        elif package := _debian(source):
            system.setdefault(_read(Path("/usr/share/doc") / package / "copyright"), set()).add(package)
        elif not any(source.is_relative_to(place) for place in python):
            unknown.append(source)
    own = Licence(f"Pullback {VERSION}", "MIT", _read(ROOT / "LICENSE"))
    noto = Licence("Pullback Sans SC, from Noto Sans CJK SC", "OFL-1.1", _read(ROOT / "assets" / "fonts" / "OFL.txt"))
    version = ".".join(map(str, sys.version_info[:3]))
    interpreter = Licence(f"Python {version}", "PSF-2.0", "\n\n".join(map(_read, _of_python(python))))
    theirs = [_of_package(bundled[name]) for name in sorted(bundled)]
    libraries = sorted(Licence(", ".join(map(_versioned, sorted(names))), "", told) for told, names in system.items())
    common = sorted({name for told in system for name in re.findall(rf"{COMMON}/([\w.-]*\w)", told)})
    whole = [Licence(name, "", _read(COMMON / name)) for name in common]
    rest = [Licence(UNKNOWN, "", "\n".join(path.name for path in unknown))] if unknown else []
    return [own, interpreter, noto, *theirs, *libraries, *whole, *rest]


def text(found: Iterable[Licence]) -> str:
    """What the About box shows: every component by name, then each with its text."""
    parts = list(found)
    names = "\n".join(f"{part.name}{f'  ·  {part.kind}' if part.kind else ''}" for part in parts)
    return "\n".join([names, "", *(f"{HEADING}{part.name}\n\n{part.text.strip()}\n" for part in parts)])


def _files(package: Distribution) -> Iterator[Path]:
    return (Path(str(file.locate())).resolve() for file in package.files or ())


def _of_package(package: Distribution) -> Licence:
    """The texts that a package brings, those beside its code too; each text once, however often it is there."""
    meta = package.metadata
    texts: dict[str, list[str]] = {}
    for file in package.files or ():
        place = str(file).replace("\\", "/")
        if LICENCE.fullmatch(place) and not place.endswith(CODE) and Path(str(file.locate())).is_file():
            shown = re.sub(r"^[^/]*\.dist-info/(licenses/)?", "", place)
            texts.setdefault(_read(Path(str(file.locate()))).strip(), []).append(shown)
    whole = "\n\n".join(f"{', '.join(places)}:\n\n{text}" for text, places in texts.items())
    kind = meta["License-Expression"] or meta["License"] or ""
    if "\n" in kind or len(kind) > 120:
        whole, kind = whole or kind, ""
    classified = [name.rpartition(" :: ")[2] for name in meta.get_all("Classifier", ()) if name.startswith("License")]
    return Licence(f"{meta['Name']} {package.version}", kind or ", ".join(classified), whole or kind)


def _of_python(places: Iterable[Path]) -> list[Path]:
    """Python's own licence: beside its library, and on Windows beside its program."""
    return [place / "LICENSE.txt" for place in places if (place / "LICENSE.txt").is_file()][:1]


def _debian(file: Path) -> str:
    """The package of the system that a library comes from; '' where there is no Debian to ask."""
    for name in (str(file), str(file).removeprefix("/usr")):  # dpkg knows /lib/…, the same file as /usr/lib/…
        try:
            asked = subprocess.run(["dpkg", "-S", name], capture_output=True, text=True, check=False)
        except FileNotFoundError:
            return ""
        if asked.returncode == 0:
            return asked.stdout.partition(":")[0]
    return ""


def _versioned(package: str) -> str:
    query = ["dpkg-query", "--show", "--showformat=${Package} ${Version}\\n", package]
    return subprocess.run(query, capture_output=True, text=True, check=True).stdout.splitlines()[0]


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
