"""What programs print: shown as a terminal would, whatever it holds and however long it is."""

from __future__ import annotations

import time

import pytest

from core import wire
from gui.pages.terminal import as_shown
from tests.gui.conftest import Window


@pytest.mark.parametrize(
    ("printed", "shown"),
    [
        ("\r 1 %\r22 %\r333 %\n", "333 %\n"), ("longer\rshort", "shortr"), ("longer\rshort\x1b[K", "short"),
        ("50 %\r\x1b[2Kdone\n", "done\n"), ("ab\b\bc", "cb"), ("a\r\nb\r\n", "a\nb\n"),
        ("\x1b[1;31mred\x1b[0m plain", "red plain"), ("\x1b]0;title\x07\x1b[?25lhere", "here"),
        ("a\x00b\x07\tc", "ab\tc"), ("梯度 😀", "梯度 😀"),
    ],
)  # fmt: skip
def test_printed_text_is_shown_as_in_a_terminal(printed: str, shown: str) -> None:
    assert as_shown(printed) == shown


def test_output_of_any_kind_is_shown_whole_and_soon(window: Window) -> None:
    window.worker.held = True
    window.key("<F5>", window.app.canvas)
    text = window.app.output.text
    window.worker.replies.append(wire.Output(1, text="\rhalf\rwhole \x1b[32mgreen\x1b[0m\x00 end\n"))
    window.settle()
    assert text.get("1.0", "end").strip() == "whole green end"
    window.worker.replies.append(wire.Output(1, text="x" * 150_000))
    began = time.monotonic()
    window.settle()
    assert time.monotonic() - began < 1
    assert text.get("1.0", "end").count("x") == 150_000
