"""Which Pullback this is: the one place that says so. pyproject.toml, the packages and the window read it here."""

from typing import Final

VERSION: Final = "0.1.0"
