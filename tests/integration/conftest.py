"""What several integration tests share."""

from collections.abc import Iterator
from typing import Any

import pytest

from holdfast.synthetics.browser import find_browser


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A real Chromium, for pages that are opened from a file."""
    playwright = pytest.importorskip("playwright.sync_api")
    path, problems = find_browser()
    assert path is not None, problems
    with playwright.sync_playwright() as player:
        opened = player.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        yield opened
        opened.close()
