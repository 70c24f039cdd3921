"""What belongs to Tk ends in Tk's thread."""

from __future__ import annotations

import gc
import threading
import weakref

from tests.gui.conftest import Window


class Widget:
    """Something in a cycle, as windows and their callbacks are."""

    def __init__(self, ends: list[str]) -> None:
        self.me = self
        weakref.finalize(self, lambda: ends.append(threading.current_thread().name))


def test_garbage_is_collected_in_the_thread_of_the_window(window: Window) -> None:
    ends: list[str] = []
    Widget(ends)

    def busy() -> None:
        kept = [[n] for n in range(200_000)]  # far beyond what makes Python collect by itself
        kept.clear()

    thread = threading.Thread(target=busy)
    thread.start()
    thread.join()
    assert not ends
    window.wait_until(lambda: bool(ends))
    assert ends == [threading.main_thread().name]


def test_without_a_window_python_collects_by_itself(window: Window) -> None:
    assert not gc.isenabled()
    window.app.collector.close()
    assert gc.isenabled()
