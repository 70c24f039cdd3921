"""What the reader wishes to export, and what that means for what is on the screen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Final

from gui.export.order import usual_paper
from gui.export.products import PRODUCTS, Product

if TYPE_CHECKING:
    from gui.export.order import Order
    from gui.exporting.exporter import Shown

WINDOW: Final = Product("window", (".png",))
"""The window as it stands, which only a window has."""
OFFERED: Final = {product.name: product for product in (*PRODUCTS, WINDOW)}

CHOICES: Final[Mapping[str, tuple[object, ...]]] = {
    "product": tuple(OFFERED),
    "ending": tuple({ending for product in OFFERED.values() for ending in product.endings}),
    "span": ("pass", "program"),
    "part": ("all", "seen", "chosen"),
    "scale": (1.0, 2.0, 3.0, 4.0),
    "theme": ("light", "dark"),
    "lang": ("en", "zh"),
    "speed": (0.5, 1.0, 2.0),
    "paper": ("A4", "letter"),
    "inspector": (False, True),
    "code": (False, True),
    "transparent": (False, True),
}
"""What each wish may be; a caption may be anything."""


@dataclass(frozen=True, slots=True)
class Wishes:
    """Attributes:
    product, ending: a key of ``OFFERED``, and which of its files.
    span: of what shows several moments: the 'pass' that is shown, or the whole 'program'.
    part: 'all' cards, those that can be 'seen', or the 'chosen' ones.
    theme, lang: '' for the window's own; what is printed is light.
    paper: '' for what is usual where the reader lives.
    The rest as in ``gui.export.order.Order``.
    """

    product: str = "picture"
    ending: str = ".png"
    span: str = "program"
    part: str = "all"
    inspector: bool = False
    code: bool = False
    caption: str = ""
    scale: float = 2.0
    transparent: bool = False
    theme: str = ""
    lang: str = ""
    speed: float = 1.0
    paper: str = ""

    def wishing(self, **changed: object) -> Wishes:
        """Another wish; the file stays one that the product can be."""
        wishes = replace(self, **changed)  # type: ignore[arg-type]
        endings = OFFERED[wishes.product].endings
        return wishes if wishes.ending in endings else replace(wishes, ending=endings[0])

    def concerns(self, what: str) -> bool:
        """Whether a field makes a difference."""
        product = OFFERED[self.product]
        match what:
            case "ending":
                return len(product.endings) > 1
            case "span":
                return self.product in ("animation", "contact")
            case "part":
                return "cards" in product.concerns
            case "scale":
                return "scale" in product.concerns and self.ending not in (".svg", ".pdf")
            case "theme":
                return "theme" in product.concerns and not self.printed
            case _:
                return what in product.concerns

    @property
    def printed(self) -> bool:
        """Whether it is for paper."""
        return self.product in ("handout", "lesson")

    def order(self, shown: Shown) -> Order:
        """What is asked for of what is on the screen."""
        moment = shown.order
        changed: dict[str, object] = {"scale": self.scale, "speed": self.speed, "transparent": self.transparent}
        changed |= {"inspector": self.inspector, "code": self.code, "caption": self.caption}
        changed |= {"theme": self.theme or moment.theme, "lang": self.lang or moment.lang}
        if self.printed:
            changed |= {"theme": "light", "paper": self.paper or usual_paper()}
        if self.part != "all":
            changed["cards"] = shown.part(self.part)
        if OFFERED[self.product].moments == "several":
            whole = self.span == "program" or shown.pass_ is None
            changed |= {"step": "all", "pass_": None if whole else shown.pass_, "chosen": None}
        asked = {name: value for name, value in changed.items() if self._asks(name)}
        return replace(moment, **asked)  # type: ignore[arg-type]

    def _asks(self, name: str) -> bool:
        return name in ("step", "pass_", "chosen") or name in OFFERED[self.product].concerns

    def kept(self) -> dict[str, object]:
        """What is worth keeping between starts; a caption belongs to one picture."""
        return {name: value for name, value in asdict(self).items() if name in CHOICES}


def understood(kept: Mapping[str, object]) -> Wishes:
    """The wishes of an earlier start, as far as they make sense."""
    return Wishes().wishing(**{name: kept[name] for name, choices in CHOICES.items() if kept.get(name) in choices})
