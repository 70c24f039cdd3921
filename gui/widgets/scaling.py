"""How large the interface is drawn: pixels for each unit of its design."""

from __future__ import annotations

import os
import sys
import tkinter as tk

from gui.widgets.toolkit import ScalingTracker, ctk

LARGEST = 4.0


def screen_scale(window: tk.Misc) -> float:
    """What the screen asks for, in quarters: 1 is 96 dots an inch."""
    if sys.platform == "darwin":
        return 1.0  # the system enlarges by itself, and says 72
    dots = window.winfo_fpixels("1i")
    if sys.platform.startswith("linux"):
        dots = max(dots, _desktop_dots())
    return min(LARGEST, max(1.0, round(dots / 96 * 4) / 4))


def apply(window: tk.Misc, percent: int) -> float:
    """Enlarges customtkinter's widgets, and returns the scale for everything else; 0 follows the screen."""
    scale = percent / 100 if percent else screen_scale(window)
    own = scale / ScalingTracker.get_window_dpi_scaling(window)
    if own != ScalingTracker.widget_scaling:
        ctk.set_widget_scaling(own)
    return scale


def _desktop_dots() -> float:
    """What GNOME, KDE and their like say, while the X server goes on saying 96."""
    # Tk shows the server's resources only to programs of their name, and Xft.dpi belongs to one named Xft.
    asking = tk.Tk(className="Xft", baseName="Xft")
    asking.withdraw()
    try:
        return max(96 * float(os.environ.get("GDK_SCALE", "0")), float(asking.option_get("dpi", "Dpi") or 0))
    except ValueError:
        return 0.0
    finally:
        asking.destroy()
