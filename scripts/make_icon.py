"""Draws the icon in all sizes: a gradient that runs back from a result to a leaf. Writes assets/icons."""

from __future__ import annotations

from pathlib import Path

from PIL import Image, ImageDraw

ICONS = Path(__file__).resolve().parent.parent / "assets" / "icons"
SIZES = (16, 24, 32, 48, 64, 128, 256, 512)
FINE = 8
"""Times larger it is drawn, and then made smaller: Pillow's lines have no soft edges."""
GROUND, CARD, LEAF, GRADIENT = "#1F6FEB", "#FFFFFF", "#087F5B", "#C2410C"


def icon(size: int) -> Image.Image:
    """The icon, so many pixels wide and high."""
    side = size * FINE
    unit = side / 32
    image = Image.new("RGBA", (side, side))
    draw = ImageDraw.Draw(image)

    def box(left: float, top: float, right: float, bottom: float) -> tuple[float, float, float, float]:
        return left * unit, top * unit, right * unit, bottom * unit

    draw.rounded_rectangle(box(0.5, 0.5, 31.5, 31.5), 7 * unit, fill=GROUND)
    # The arrow lies below the cards: its head touches the leaf, its tail leaves the result.
    draw.line([(22 * unit, 11 * unit), (10 * unit, 21 * unit)], fill=CARD, width=round(3.4 * unit))
    draw.line([(22 * unit, 11 * unit), (10 * unit, 21 * unit)], fill=GRADIENT, width=round(2.2 * unit))
    for left, top, colour in ((18, 5, GRADIENT), (4, 18, LEAF)):
        draw.rounded_rectangle(box(left, top, left + 10, top + 9), 2.4 * unit, fill=CARD)
        draw.rounded_rectangle(box(left + 2, top + 5.2, left + 8, top + 7), 0.9 * unit, fill=colour)
        draw.rounded_rectangle(box(left + 2, top + 2.2, left + 6, top + 3.6), 0.7 * unit, fill="#98A1AC")
    return image.resize((size, size), Image.Resampling.LANCZOS)


def main() -> None:
    ICONS.mkdir(parents=True, exist_ok=True)
    images = {size: icon(size) for size in SIZES}
    for size in (16, 32, 48, 128, 256):
        images[size].save(ICONS / f"pullback-{size}.png", optimize=True)
    images[256].save(ICONS / "pullback.ico", sizes=[(size, size) for size in SIZES if size <= 256])
    images[512].save(ICONS / "pullback.icns", append_images=[images[size] for size in (32, 64, 128, 256)])


if __name__ == "__main__":
    main()
