"""The page of a backtest as a browser without a network shows it: drawn, without complaint, at any width."""

from decimal import Decimal

import pytest
from tests.unit.histories import history

from holdfast.report.backtest_picture import written
from holdfast.slo.alert import plan_of, workbook_methods
from holdfast.slo.backtest import backtest
from holdfast.slo.burn import DAY, WORKBOOK
from holdfast.slo.incidents import DEFAULT_RULE
from holdfast.slo.trial import Trial

pytest.importorskip("playwright.sync_api")
pytestmark = pytest.mark.integration
TARGET, PERIOD = Decimal("0.999"), 28 * DAY


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_a_backtest_is_drawn_without_network_or_complaint_and_nothing_overflows(browser, tmp_path, width, scheme):
    played = history((5000, 0), (30, 0.9), (9000, 0.0005), (400, 0.006), (6000, 0))
    plans = [plan_of(WORKBOOK, TARGET, PERIOD), *workbook_methods(TARGET, PERIOD)]
    result = backtest(played, TARGET, PERIOD, plans, every=60)
    trial = Trial("<script>alert(1)</script>", "28d", TARGET, "a test", result, DEFAULT_RULE)
    (tmp_path / "backtest.html").write_bytes(written([trial, trial], "html"))
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme, offline=True)
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto((tmp_path / "backtest.html").as_uri())
    page.locator("[data-chart]:not([data-drawn])").first.wait_for(state="detached", timeout=15_000)
    page.screenshot(path=tmp_path / "page.png", full_page=True)
    try:
        assert complaints == []
        assert page.locator(".chart svg").count() == 2
        assert all(box.locator("path").count() > 10 for box in page.locator(".chart svg").all())
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.locator("h2").first.text_content() == "<script>alert(1)</script>"
    finally:
        page.close()
