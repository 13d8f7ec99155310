"""What several integration tests share."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from holdfast.synthetics.browser import find_browser


@pytest.fixture(scope="session")
def chromium() -> Path:
    """A real Chromium. `make test` installs one, so a test that needs one fails without it, and is never skipped."""
    path, problems = find_browser()
    assert path is not None, problems
    return path


@pytest.fixture(scope="module")
def browser(chromium: Path) -> Iterator[Any]:
    """For pages that are opened from a file."""
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as player:
        opened = player.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        yield opened
        opened.close()
