"""Makes assets/fonts/PullbackSansSC.ttf: the Chinese of Noto Sans CJK SC that DejaVu, matplotlib's own font, lacks.

    apt-get install fonts-noto-cjk
    python scripts/make_font.py [NotoSansCJK-Regular.ttc]

All of GB 2312's characters and Chinese punctuation; no Latin, Greek or mathematics, whose full-width forms would tear
formulas apart. TrueType, because Tk and PDF embed it without trouble. The licence is in assets/fonts/OFL.txt; a changed
font must not carry the original's name.
"""

from __future__ import annotations

import sys
from pathlib import Path

from fontTools import subset
from fontTools.pens.cu2quPen import Cu2QuPen
from fontTools.pens.ttGlyphPen import TTGlyphPen
from fontTools.ttLib import TTFont, newTable

SOURCE = Path("/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc")
SIMPLIFIED = 2
"""Which font of the collection is SC."""
OUT = Path(__file__).resolve().parent.parent / "assets" / "fonts" / "PullbackSansSC.ttf"
FAMILY = "Pullback Sans SC"
PUNCTUATION = "\u3000、。〃〈〉《》「」『』【】〔〕〖〗〜" + "".join(
    char for char in map(chr, range(0xFF01, 0xFF5F)) if not char.isalnum()
) + "￥"  # fmt: skip
ERROR = 1.5
"""Units of 1,000 to an em by which the quadratic curves may differ from the cubic ones."""


def hanzi() -> str:
    """The 6,763 Chinese characters of GB 2312."""
    codes = (bytes((high, low)) for high in range(0xB0, 0xF8) for low in range(0xA1, 0xFF))
    return "".join(code.decode("gb2312", "ignore") for code in codes)


def reduced(source: Path) -> TTFont:
    """The characters wanted, and of the tables what draws them."""
    font = TTFont(source, fontNumber=SIMPLIFIED, recalcTimestamp=False)
    options = subset.Options(
        hinting=False, layout_features=[], name_IDs=["*"], notdef_outline=True, recalc_timestamp=False
    )
    options.drop_tables += ["vhea", "vmtx", "VORG", "BASE", "GSUB", "GPOS", "GDEF"]
    subsetter = subset.Subsetter(options)
    subsetter.populate(text=hanzi() + PUNCTUATION)
    subsetter.subset(font)
    return font


def to_truetype(font: TTFont) -> None:
    """Replaces the cubic outlines by quadratic ones."""
    glyphs = font.getGlyphSet()
    outlines = {}
    for name in font.getGlyphOrder():
        pen = TTGlyphPen(glyphs)
        glyphs[name].draw(Cu2QuPen(pen, ERROR, reverse_direction=True))
        outlines[name] = pen.glyph()
    del font["CFF "]
    font["loca"] = newTable("loca")
    font["glyf"] = table = newTable("glyf")
    table.glyphOrder = font.getGlyphOrder()
    table.glyphs = outlines
    limits = font["maxp"]
    limits.tableVersion = 0x00010000
    for field in (
        "maxTwilightPoints", "maxStorage", "maxFunctionDefs", "maxInstructionDefs", "maxStackElements",
        "maxSizeOfInstructions", "maxComponentElements", "maxPoints", "maxContours", "maxCompositePoints",
        "maxCompositeContours", "maxComponentDepth",
    ):  # fmt: skip
        setattr(limits, field, 0)
    limits.maxZones = 1
    font["post"].formatType = 3.0
    font["head"].glyphDataFormat = 0
    font.sfntVersion = "\x00\x01\x00\x00"


def rename(font: TTFont) -> None:
    names = {1: FAMILY, 3: f"{FAMILY} Regular", 4: f"{FAMILY} Regular", 6: "PullbackSansSC-Regular", 16: FAMILY}
    table = font["name"]
    # The collection's names in other languages call it Noto too.
    table.names = [record for record in table.names if record.platformID == 3 and record.langID == 0x409]
    for record in table.names:
        if record.nameID in names:
            record.string = names[record.nameID]


def main() -> None:
    font = reduced(Path(sys.argv[1]) if len(sys.argv) > 1 else SOURCE)
    to_truetype(font)
    rename(font)
    font.save(OUT)
    print(f"{OUT}: {len(font.getGlyphOrder())} glyphs, {OUT.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
