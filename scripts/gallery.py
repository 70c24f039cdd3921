"""Draws every program of assets/gallery, and this project's benchmarks, into build/gallery: pictures to look at.

python scripts/gallery.py [NAME…]
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from core.engine import record  # noqa: E402
from core.playback import Playback  # noqa: E402
from core.records import Options, Trace  # noqa: E402
from gui.export.order import Order  # noqa: E402
from gui.export.writing import export  # noqa: E402

OUT = ROOT / "build" / "gallery"
PROGRAMS = sorted((ROOT / "assets" / "gallery").glob("*.py"))


def middle(trace: Trace) -> int:
    """A moment in the middle of the first backward pass."""
    index = Playback.of(trace).index
    steps = [at + 1 for (number, _), at in index.step_at.items() if number == 0]
    return steps[len(steps) // 2] if steps else len(trace.events)


def draw(program: Path) -> None:
    began = time.perf_counter()
    trace = record(program.read_text("utf-8"), options=Options(path=str(program), verify=False))
    recorded = time.perf_counter()
    for theme, step, lang in (("light", middle(trace), "en"), ("dark", "last", "zh")):
        export(trace, OUT / f"{program.stem}-{theme}.png", Order(step=step, theme=theme, lang=lang))
    export(trace, OUT / f"{program.stem}.svg", Order())
    drawn = time.perf_counter()
    print(f"{program.stem:<14}{len(trace.ops):>7} operations, recorded in {recorded - began:5.2f} s, "
          f"drawn in {drawn - recorded:5.2f} s")  # fmt: skip


def main() -> None:
    OUT.mkdir(parents=True, exist_ok=True)
    for program in PROGRAMS:
        if len(sys.argv) == 1 or program.stem in sys.argv[1:]:
            draw(program)
    print(f"pictures: {OUT}")


if __name__ == "__main__":
    main()
