"""The page as a browser without a network shows it: drawn, readable at any width, and within its own policy."""

from pathlib import Path

import pytest
from tests.unit.report_samples import all_met, fault_hurt, hostile

from holdfast.report import write_reports

playwright = pytest.importorskip("playwright.sync_api")
pytestmark = pytest.mark.integration

SAMPLES = {"fault_hurt": fault_hurt, "hostile": hostile, "all_met": all_met}


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    found = {name: tmp_path_factory.mktemp(name) for name in SAMPLES}
    for name, folder in found.items():
        write_reports(SAMPLES[name](), folder)
    return found


def _open(browser, folder: Path, width: int, scheme: str):
    """The page, and what it complained of."""
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme, offline=True)
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto((folder / "report.html").as_uri())
    page.locator("[data-chart]:not([data-drawn])").first.wait_for(state="detached", timeout=15_000)
    return page, [text for text in complaints if "evidence" not in text and "ERR_FILE_NOT_FOUND" not in text]


@pytest.mark.parametrize("sample", SAMPLES)
@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_charts_are_drawn_without_network_or_complaint_and_nothing_overflows(browser, folders, sample, width, scheme):
    page, complaints = _open(browser, folders[sample], width, scheme)
    try:
        assert complaints == []
        assert page.locator(".chart svg").count() == 4
        assert all(box.locator("path").count() > 10 for box in page.locator(".chart svg").all())
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        for box in page.locator(".chart").all():
            assert box.locator("svg").bounding_box()["width"] <= box.bounding_box()["width"] + 1
    finally:
        page.close()


def test_a_part_of_the_timeline_can_be_zoomed_and_a_second_read(browser, folders):
    page, _ = _open(browser, folders["fault_hurt"], 1280, "light")
    try:
        chart = page.locator("#chart-timeline")
        chart.scroll_into_view_if_needed()
        box = chart.bounding_box()
        page.mouse.move(box["x"] + 400, box["y"] + 120)
        tooltip = page.locator("#vg-tooltip-element.visible")
        tooltip.wait_for(timeout=5_000)
        assert "p95" in tooltip.inner_text()
        before = chart.inner_text()
        page.mouse.move(box["x"] + 300, box["y"] + 15)
        page.mouse.down()
        page.mouse.move(box["x"] + 500, box["y"] + 15, steps=5)
        page.mouse.up()
        playwright.expect(chart).not_to_have_text(before, timeout=5_000)
    finally:
        page.close()


def test_the_load_table_can_be_sorted(browser, folders):
    page, _ = _open(browser, folders["fault_hurt"], 1280, "light")
    try:
        page.locator("#load details > summary").first.click()
        table = page.locator("table.sortable").first
        table.get_by_role("button", name="count").click()
        counts = [int(cell.get_attribute("data-value")) for cell in table.locator("tbody td:nth-child(2)").all()]
        assert counts == sorted(counts, reverse=True)
        assert table.locator("th[aria-sort=descending]").count() == 1
    finally:
        page.close()


def test_a_folded_part_opens_by_its_link_and_its_picture_has_the_width_it_needs(browser, folders):
    page, _ = _open(browser, folders["all_met"], 1280, "light")
    try:
        part = page.locator("#budget details.fold")
        assert part.get_attribute("open") is None
        page.locator("nav a", has_text="Error budget").click()
        playwright.expect(part).to_have_attribute("open", "")
        box = page.locator("#chart-budget")
        playwright.expect(box.locator("svg")).to_be_visible()
        page.wait_for_function(
            "() => { const b = document.querySelector('#chart-budget'); const w = b.querySelector('svg')?.clientWidth;"
            " return w <= b.clientWidth + 1 && w > 0.95 * b.clientWidth; }"
        )
    finally:
        page.close()


def test_on_paper_nothing_is_folded_and_on_the_screen_it_is_again_afterwards(browser, folders):
    page, _ = _open(browser, folders["all_met"], 1280, "light")
    try:
        assert page.locator("details:not([open])").count() > 5
        page.evaluate("dispatchEvent(new Event('beforeprint'))")
        assert page.locator("details:not([open])").count() == 0
        page.evaluate("dispatchEvent(new Event('afterprint'))")
        assert page.locator("details:not([open])").count() > 5
        page.emulate_media(media="print")
        assert page.locator("#budget table").is_visible()  # also where no script runs
    finally:
        page.close()


@pytest.mark.parametrize("scrolled", [0, 10_000])
def test_the_column_that_decides_and_the_names_stay_in_view_on_a_phone(browser, folders, scrolled):
    page, _ = _open(browser, folders["fault_hurt"], 390, "light")
    try:
        page.locator("#objectives .scroll").first.evaluate("(box, x) => { box.scrollLeft = x; }", scrolled)
        for cell in [*page.locator("td.whole").all(), *page.locator(".matrix tbody th").all()]:
            box = cell.bounding_box()
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= 390
    finally:
        page.close()


def test_no_row_is_taller_than_what_can_be_seen_in_it(browser, folders):
    """A reason that stands out of view must not make its row an empty one."""
    page, _ = _open(browser, folders["fault_hurt"], 390, "light")
    try:
        page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true;")
        rows = page.locator("#validity tbody tr, #capacity tbody tr, #funnels tbody tr").all()
        assert len(rows) > 10
        for row in rows:
            inside = row.bounding_box()
            for cell in row.locator("th, td").all():
                box = cell.bounding_box()
                assert box is None or box["x"] + box["width"] <= inside["x"] + inside["width"] + 1
    finally:
        page.close()
