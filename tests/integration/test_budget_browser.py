"""The page of error budgets as a browser without a network shows it: drawn, whole at any width; nothing runs in it."""

from dataclasses import replace

import numpy as np
import pytest
from tests.unit.report_samples import HOSTILE
from tests.unit.test_slo_standing import NOON, day, history, objective

from holdfast.report.budget import render_budget
from holdfast.slo.sources.observed import Observed
from holdfast.slo.standing import standing
from holdfast.slo.status import Told, status_of

pytest.importorskip("playwright.sync_api")
pytestmark = pytest.mark.integration
CODES = {"met": 0, "missed": 1, "inconclusive": 3}


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    hostile = replace(objective("0.999"), name=HOSTILE, display_name=HOSTILE, owner=HOSTILE, service=HOSTILE)
    gone = [(index, 100) for index in range(700, 730)]
    told = [
        Told(standing(hostile, Observed(day(bad=gone), notes=(HOSTILE,)), NOON), HOSTILE),
        Told(standing(objective("0.99", name="steady"), Observed(day()), NOON), "a source"),
        Told(standing(objective("0.99", name="unseen"), Observed(history(np.zeros(9), np.zeros(9))), NOON), "none"),
    ]
    path = tmp_path_factory.mktemp("budget") / "budget.html"
    path.write_text(render_budget(status_of(told, (), (), at=NOON, step=60, exit_codes=CODES)), encoding="utf-8")
    return path


@pytest.mark.parametrize(("width", "scheme"), [(1100, "light"), (390, "dark")])
def test_burn_downs_are_drawn_without_network_or_complaint_and_nothing_overflows(browser, file, width, scheme):
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme, offline=True)
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    try:
        page.goto(file.as_uri())
        page.locator("[data-chart]:not([data-drawn])").first.wait_for(state="detached", timeout=15_000)
        assert complaints == []
        assert page.locator(".chart svg").count() == 2  # of the one that was not seen nothing can be drawn
        for box in page.locator(".chart").all():
            lines = box.locator("path[aria-roledescription='line mark']")
            drawn = [line.bounding_box()["width"] for line in lines.all()]
            assert max(drawn) > 0.8 * box.bounding_box()["width"]
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        first = page.locator("tbody th").first
        assert HOSTILE.split("<")[0].strip()[:5] in first.inner_text()
    finally:
        page.close()
