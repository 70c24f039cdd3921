"""Colours and fonts: every colour has a name that always means the same thing."""

from __future__ import annotations

from dataclasses import dataclass, replace
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

THEMES: Final = ("light", "dark")
MAPS: Final[dict[str, tuple[str, ...]]] = {
    "coolwarm": (
        "#3B4CC0", "#6282EA", "#8DB0FE", "#B8D0F9", "#DDDDDD", "#F5C4AD", "#F49A7B", "#DE604D", "#B40426",
    ),
    "PuOr": (
        "#2D004B", "#5F3A91", "#9990BF", "#CFCFE5", "#F7F7F6", "#FED59F", "#EE9B39", "#BD6109", "#7F3B08",
    ),
}  # fmt: skip
"""Maps of matplotlib in nine colours, from far below zero to far above it: warm is above zero in both."""


def palette_of(theme: str, colours: str = "coolwarm") -> Palette:
    """The colours of a theme, and those of a map as ``map0`` … ``map8``."""
    shades = {f"map{place}": shade for place, shade in enumerate(MAPS[colours])}
    return {name: pair[THEMES.index(theme)] for name, pair in _NAMES.items()} | shades


LIGHT, DARK = (palette_of(theme) for theme in THEMES)
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


def faded(look: Look) -> Look:
    """The same with every colour nearer to the ground of the picture: for what is not of now."""
    return replace(look, palette={name: _between(colour, look["canvas"]) for name, colour in look.palette.items()})


def _between(colour: str, ground: str) -> str:
    """A colour of which half is left."""
    pairs = ((int(colour[at : at + 2], 16), int(ground[at : at + 2], 16)) for at in (1, 3, 5))
    return "#" + "".join(f"{round((own + other) / 2):02X}" for own, other in pairs)
