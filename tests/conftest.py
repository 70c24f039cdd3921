"""No test touches what the person who runs it keeps: settings, unsaved texts and logs are in folders of the tests."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def own_folders(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that stands for all of them."""
    folder = tmp_path_factory.mktemp("kept")
    for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME"):
        monkeypatch.setenv(name, str(folder / name[4:9].lower().rstrip("_")))
    return folder
