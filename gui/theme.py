"""Colours and fonts: every colour has a name that always means the same thing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from gui.i18n import Words

Palette = dict[str, str]

_NAMES: Final[dict[str, tuple[str, str]]] = {
    # name: light, dark
    "canvas": ("#FAFBFC", "#191C21"),
    "card": ("#FFFFFF", "#23282F"),
    "panel": ("#FFFFFF", "#1E2228"),
    "line": ("#DDE1E6", "#2F353D"),
    "edge": ("#858E9A", "#707B88"),
    "far": ("#AEB6C0", "#565F6A"),
    "text": ("#1B1F24", "#E6E9ED"),
    "quiet": ("#666E79", "#98A1AC"),
    "value": ("#0B63A5", "#6CB6F5"),
    "grad": ("#C2410C", "#FF9A5C"),
    "earlier": ("#CE7A54", "#A56C49"),
    "grad_soft": ("#FFF1E8", "#3A2417"),
    "leaf": ("#087F5B", "#4ED1A1"),
    "leaf_soft": ("#EAF8F3", "#15332A"),
    "cut": ("#9C36B5", "#D58CEB"),
    "cut_soft": ("#F8EEFB", "#33203A"),
    "accent": ("#1F6FEB", "#4C8DFF"),
    "on_accent": ("#FFFFFF", "#0B1220"),
    "frame": ("#F1F5FB", "#1E2530"),
    "frame_line": ("#688EC9", "#5676AB"),
    "halo": ("#D6E5FC", "#22375C"),
    "button": ("#EEF0F3", "#2C323A"),
    "button_hover": ("#E1E5EA", "#383F49"),
    "running_line": ("#FFF3C4", "#40370F"),
    "running_span": ("#C9DEFC", "#1F4070"),
    "wrong": ("#C92A2A", "#FF8787"),
    "wrong_soft": ("#FFECEC", "#3D1F22"),
    "code_keyword": ("#8A2BB0", "#D3A2F5"),
    "code_string": ("#0F7B4B", "#8FD8A8"),
    "code_number": ("#0B63A5", "#6CB6F5"),
    "code_comment": ("#69717C", "#98A1AC"),
    "code_name": ("#7A4B00", "#E9C07A"),
}

LIGHT: Final[Palette] = {name: pair[0] for name, pair in _NAMES.items()}
DARK: Final[Palette] = {name: pair[1] for name, pair in _NAMES.items()}
PALETTES: Final = {"light": LIGHT, "dark": DARK}

SANS: Final = (
    "Inter", "Segoe UI", "SF Pro Text", "Helvetica Neue", "Noto Sans", "Cantarell", "Ubuntu", "DejaVu Sans",
)  # fmt: skip
MONO: Final = (
    "JetBrains Mono", "Cascadia Mono", "Consolas", "SF Mono", "Menlo", "DejaVu Sans Mono", "Noto Sans Mono",
)  # fmt: skip
CHINESE: Final = (
    "Noto Sans CJK SC", "Noto Sans SC", "Source Han Sans SC", "Microsoft YaHei", "PingFang SC", "WenQuanYi Micro Hei",
    "Noto Sans CJK JP", "Droid Sans Fallback",
)  # fmt: skip


def first_available(wanted: tuple[str, ...], available: set[str], otherwise: str) -> str:
    """The first of the wanted font families that this computer has."""
    return next((family for family in wanted if family in available), otherwise)


@dataclass(frozen=True, slots=True)
class Look:
    """How everything is dressed: each panel has one ``dress(look)``.

    Attributes:
        name: light or dark.
        sans, mono: font families.
        scale: pixels for each unit that sizes are given in; 2.0 at 200 %.
    """

    name: str
    palette: Palette
    words: Words
    sans: str
    mono: str
    scale: float = 1.0

    def __getitem__(self, colour: str) -> str:
        return self.palette[colour]

    def px(self, units: float) -> int:
        """Pixels of a length."""
        return round(units * self.scale)

    def font(self, size: float, *, mono: bool = False, bold: bool = False) -> tuple[str, int, str]:
        """A font for Tk's own widgets; negative sizes are pixels."""
        return self.widget_font(size * self.scale, mono=mono, bold=bold)

    def widget_font(self, size: float, *, mono: bool = False, bold: bool = False) -> tuple[str, int, str]:
        """A font for a widget of customtkinter, which enlarges it by itself."""
        return (self.mono if mono else self.sans, -round(size), "bold" if bold else "normal")
