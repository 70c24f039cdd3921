"""The fonts that come along, their widths, and how matplotlib and Tk learn of them: text looks the same everywhere."""

from __future__ import annotations

import atexit
import base64
import contextlib
import ctypes
import ctypes.util
import importlib.util
import io
import os
import shutil
import sys
import tempfile
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from gui.theme import CHINESE

if TYPE_CHECKING:
    from matplotlib.font_manager import FontManager

SANS: Final = "DejaVu Sans"
MONO: Final = "DejaVu Sans Mono"
HANZI: Final = "Pullback Sans SC"
"""Noto Sans CJK SC without what DejaVu has; see scripts/make_font.py."""

_HANZI_FILE: Final = Path(__file__).resolve().parent.parent / "assets" / "fonts" / "PullbackSansSC.ttf"
_DEJAVU_FILES: Final = ("DejaVuSans.ttf", "DejaVuSans-Bold.ttf", "DejaVuSansMono.ttf", "DejaVuSansMono-Bold.ttf")

_MONO_ADVANCE: Final = 0.603
_WIDE_ADVANCE: Final = 1.0
_SIGN_ADVANCE: Final = 1.0
"""Ems that a character of DejaVu Sans Mono takes, a Chinese one, and at most a sign of DejaVu Sans."""
_ASCII: Final = dict(
    zip(
        map(chr, range(32, 127)),
        (
            318, 401, 460, 838, 636, 950, 780, 275, 390, 390, 500, 838, 318, 361, 318, 337, 636, 636, 636, 636, 636,
            636, 636, 636, 636, 636, 337, 337, 838, 838, 838, 531, 1000, 684, 686, 698, 770, 632, 575, 775, 752, 295,
            295, 656, 557, 863, 748, 787, 603, 787, 695, 635, 611, 732, 684, 989, 685, 611, 685, 390, 337, 390, 838,
            500, 500, 613, 635, 550, 635, 615, 352, 635, 634, 278, 278, 579, 278, 974, 634, 612, 635, 635, 411, 521,
            392, 634, 592, 818, 592, 592, 525, 636, 337, 636, 838,
        ),
        strict=True,
    )
) | {"·": 318, "×": 838, "−": 838, "▸": 502, "▾": 502}  # fmt: skip
"""Thousandths of an em that characters of DejaVu Sans take."""
_MONO_SIGNS: Final = frozenset("…−→←▸▾✂✎✗✓⊙∂₀₁₂₃₄₅₆₇₈₉ᵀαβγδεζηθικλμνξπρστυφχψωΔΘΛΞΠΣΦΨΩ≈≠≤≥∞⋯√∇")
"""Signs that DejaVu Sans Mono has; others are taken from wider fonts."""


@lru_cache(maxsize=20_000)
def text_width(text: str, size: float, mono: bool = True) -> float:
    """Width of a text in these fonts, at most a little too large; known without a renderer, so that layouts agree."""
    return size * sum(_advance(char, mono) for char in text)


def _advance(char: str, mono: bool) -> float:
    if unicodedata.east_asian_width(char) in "WF":
        return _WIDE_ADVANCE
    if mono:
        return _MONO_ADVANCE if char <= "\u024f" or char in _MONO_SIGNS else _SIGN_ADVANCE
    return _ASCII[char] / 1000 if char in _ASCII else _SIGN_ADVANCE


def files() -> list[Path]:
    """The font files: DejaVu out of matplotlib's own data, found without importing it, and the Chinese one."""
    spec = importlib.util.find_spec("matplotlib")
    folders = spec.submodule_search_locations if spec else None
    fonts = [Path(folder, "mpl-data", "fonts", "ttf", name) for folder in folders or () for name in _DEJAVU_FILES]
    # matplotlib knows its fonts by where they really are.
    return [*(font.resolve() for font in fonts if font.exists()), _HANZI_FILE]


@cache
def register() -> None:
    """Lets Tk use the fonts that come along; to be called before the first window.

    Where the system refuses, its own fonts have to do. macOS has PingFang, which its Tk finds by itself.
    """
    for path in files():
        lend(path)


def lend(path: Path) -> bool:
    """Lets Tk use a font file, in this process only and without copying it; False where the system refuses."""
    with contextlib.suppress(OSError, AttributeError):
        if sys.platform == "win32":
            private = 0x10  # FR_PRIVATE: gone when the process ends
            return bool(ctypes.windll.gdi32.AddFontResourceExW(str(path), private, None))
        if sys.platform != "darwin":
            add = _fontconfig().FcConfigAppFontAddFile
            add.argtypes = [ctypes.c_void_p, ctypes.c_char_p]
            return bool(add(None, os.fsencode(path)))
    return False


@cache
def _fontconfig() -> ctypes.CDLL:
    return ctypes.CDLL(ctypes.util.find_library("fontconfig") or "libfontconfig.so.1")


def keep_list() -> None:
    """Gives matplotlib a folder for its list of the system's fonts, which takes seconds to make; before its import.

    Where the reader's cache cannot be written to, one that is gone with the process.
    """
    import platformdirs

    if "MPLCONFIGDIR" in os.environ:
        return
    try:
        folder = Path(platformdirs.user_cache_dir("pullback", appauthor=False))
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except (OSError, RuntimeError):  # or nobody knows where
        folder = Path(tempfile.mkdtemp(prefix="pullback-"))
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
    os.environ["MPLCONFIGDIR"] = str(folder)


@cache
def families(mono: bool) -> list[str]:
    """Where matplotlib looks for a glyph: the font wanted, the rest of DejaVu, Chinese; then what the system has.

    The last is for scripts that do not come along, in the names and strings of a program.
    """
    manager = _manager()
    installed = {entry.name for entry in manager.ttflist}
    others = [family for family in CHINESE if family in installed][:1]
    return list(dict.fromkeys([MONO if mono else SANS, SANS, MONO, HANZI, *others]))


def covers(char: str) -> bool:
    """Whether any of the fonts has a glyph for a character."""
    return any(ord(char) in charmap for charmap in _charmaps(True))


def css(texts: Iterable[tuple[str, bool, bool]]) -> str:
    """Style sheet that carries the glyphs of these (text, mono, bold), so that a browser needs no fonts either."""
    from matplotlib.font_manager import FontProperties

    wanted: dict[tuple[str, bool], set[int]] = defaultdict(set)
    for text, mono, bold in texts:
        for char in map(ord, text):
            for family, charmap in zip(families(mono), _charmaps(mono), strict=True):
                if char in charmap:
                    wanted[family, bold and family != HANZI].add(char)
                    break
    rules = []
    for (family, bold), chars in sorted(wanted.items()):
        weight = "bold" if bold else "normal"
        path = _manager().findfont(FontProperties(family=family, weight=weight))
        if Path(path) in files():
            data = base64.b64encode(_subset(Path(path), frozenset(chars))).decode("ascii")
            rules.append(
                f"@font-face{{font-family:'{family}';font-weight:{weight};src:url(data:font/woff;base64,{data})}}"
            )
    return "\n".join(rules)


def css_families(mono: bool) -> str:
    """Families as a style sheet lists them: ours, what other systems have for Chinese, and any."""
    names = dict.fromkeys([MONO if mono else SANS, SANS, MONO, HANZI, *CHINESE])
    return ", ".join([*(f"'{name}'" for name in names), "monospace" if mono else "sans-serif"])


def _subset(path: Path, chars: frozenset[int]) -> bytes:
    """A font of a few characters, as WOFF."""
    from fontTools import subset  # type: ignore[import-untyped]

    options = subset.Options(flavor="woff", hinting=False, layout_features=[], recalc_timestamp=False)
    options.drop_tables += ["GPOS", "GSUB", "GDEF", "kern", "FFTM"]
    target = io.BytesIO()
    with subset.load_font(str(path), options) as font:
        subsetter = subset.Subsetter(options)
        subsetter.populate(unicodes=chars)
        subsetter.subset(font)
        subset.save_font(font, target, options)
    return target.getvalue()


@cache
def _manager() -> FontManager:
    from matplotlib import font_manager

    manager = font_manager.fontManager
    for path in files():
        manager.addfont(path)
        # The first of equals is taken: not another version of DejaVu that the system may have.
        manager.ttflist.insert(0, manager.ttflist.pop())
    # The Chinese one has to do for bold text as well.
    manager.ttflist.insert(0, replace(manager.ttflist[0], weight=700))
    return manager


@cache
def _charmaps(mono: bool) -> tuple[Mapping[int, object], ...]:
    from matplotlib import font_manager

    paths = [_manager().findfont(family) for family in families(mono)]
    return tuple(font_manager.get_font(path).get_charmap() for path in paths)
