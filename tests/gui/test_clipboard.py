"""Pictures on the clipboard, read again by another process."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from gui.exporting import clipboard

READ = """
import sys, copykitten
content, width, height = copykitten.paste_image()
sys.stdout.buffer.write(width.to_bytes(4) + height.to_bytes(4) + content)
"""


def test_another_process_finds_the_picture(display: str) -> None:
    before = Image.new("RGBA", (5, 3), "#C2410C")
    before.putpixel((2, 1), (1, 2, 3, 128))
    target = io.BytesIO()
    before.save(target, "PNG")
    clipboard.put(target.getvalue())
    blob = subprocess.check_output([sys.executable, "-c", READ], timeout=60)
    size = (int.from_bytes(blob[:4]), int.from_bytes(blob[4:8]))
    found = Image.frombytes("RGBA", size, blob[8:])
    assert found.size == before.size
    assert found.tobytes() == before.tobytes()


def test_without_a_screen_it_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Image.new("RGB", (2, 2)).save(tmp_path / "p.png")
    code = (
        "import sys; from pathlib import Path; from gui.exporting import clipboard\n"
        "try: clipboard.put(Path(sys.argv[1]).read_bytes())\n"
        "except OSError as error: print('refused:', error)"
    )
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "p.png")], cwd=Path(__file__).parents[2],
                          capture_output=True, text=True, timeout=60)  # fmt: skip
    assert done.stdout.startswith("refused: ")
    assert not done.stderr
