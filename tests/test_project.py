"""The project's own files: pins, and what the documents say about the tree."""

from __future__ import annotations

import re
import subprocess
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
DOCUMENTS = ["README.md", "ARCHITECTURE.md", "CHANGELOG.md"]
REQUIREMENTS = ["requirements.txt", "requirements-dev.txt", "requirements-exe.txt", "requirements-bench.txt"]


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def pins(name: str) -> dict[str, str]:
    lines = (line for line in read(name).splitlines() if line and not line.startswith(("#", "-r ")))
    return dict(line.split("==") for line in lines)


def texts() -> dict[Path, str]:
    """Every text file of the repository; every file below the root where there is no git."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("not a git checkout")
    found = {}
    for name in filter(None, listed.stdout.split("\0")):
        blob = (ROOT / name).read_bytes() if (ROOT / name).is_file() else b"\0"
        if b"\0" not in blob:
            found[ROOT / name] = blob.decode("utf-8")
    return found


@pytest.mark.parametrize("name", REQUIREMENTS)
def test_each_requirement_is_pinned_and_says_why(name: str) -> None:
    lines = [line for line in read(name).splitlines() if line]
    for above, line in pairwise(lines):
        if not line.startswith(("#", "-r ")):
            assert re.fullmatch(r"[a-z0-9-]+==[\w.]+", line)
            assert above.startswith("# ")


def test_torch_is_pinned_to_the_release_whose_engine_was_studied() -> None:
    assert pins("requirements.txt")["torch"] == "2.13.0"


@pytest.mark.parametrize(("package", "pinned"), pins("requirements.txt").items())
def test_what_is_installed_is_what_is_pinned(package: str, pinned: str) -> None:
    assert version(package).partition("+")[0] == pinned


def test_no_file_names_a_machine_or_a_registry() -> None:
    hosts = ("pypi", "org"), ("pythonhosted", "org"), ("download", "pytorch", "org")
    named = re.compile(r"(?<![\w.])/(?:root|work)/|" + "|".join(r"\.".join(host) for host in hosts))
    for path, text in texts().items():
        if path != Path(__file__):
            assert not named.search(text), path


@pytest.mark.parametrize("name", DOCUMENTS)
def test_documents_name_targets_files_and_links_that_exist(name: str) -> None:
    text = read(name)
    targets = set(re.findall(r"^([a-z-]+):", read("Makefile"), re.MULTILINE))
    assert set(re.findall(r"(?:^|`)make ([a-z-]+)", text, re.MULTILINE)) <= targets
    files = re.findall(r"`((?:[\w.]+/)+[\w.]*)`", text) + re.findall(r"\]\((?!https?:|#)([^)#]+)", text)
    assert [file for file in files if not (ROOT / file).exists()] == []
