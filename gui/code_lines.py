"""What Tab, Shift+Tab and Ctrl+/ make of lines of code."""

from __future__ import annotations

from collections.abc import Sequence

INDENT = "    "


def indented(lines: Sequence[str]) -> list[str]:
    """Four blanks more before every line that is not empty."""
    return [INDENT + line if line.strip() else line for line in lines]


def dedented(lines: Sequence[str]) -> list[str]:
    """Up to four blanks, or a tab, fewer."""
    return [line[1:] if line.startswith("\t") else line[min(4, len(line) - len(line.lstrip(" "))) :] for line in lines]


def commented(lines: Sequence[str]) -> list[str]:
    """``# `` put before every line at the least indent of them; taken away where every line has it."""
    written = [line for line in lines if line.strip()]
    if not written:
        return list(lines)
    if all(line.lstrip().startswith("#") for line in written):
        return [_uncommented(line) for line in lines]
    column = min(len(line) - len(line.lstrip()) for line in written)
    return [f"{line[:column]}# {line[column:]}" if line.strip() else line for line in lines]


def _uncommented(line: str) -> str:
    code = line.lstrip()
    if not code.startswith("#"):
        return line
    return line[: len(line) - len(code)] + code.removeprefix("# " if code.startswith("# ") else "#")
