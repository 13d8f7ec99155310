"""docs/report.png: the top of the newest run's report, as a browser shows it. Run by `make picture`."""

from pathlib import Path

from playwright.sync_api import sync_playwright

from holdfast.synthetics.browser import find_browser

ROOT = Path(__file__).resolve().parents[2]


def main() -> None:
    newest = max((ROOT / "runs").glob("*/report.html"))
    browser, problems = find_browser()
    if browser is None:
        raise SystemExit(str(problems[0]))
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=browser, args=["--no-sandbox", "--disable-gpu"])
        page = launched.new_context(viewport={"width": 1100, "height": 1250}, offline=True).new_page()
        page.goto(newest.as_uri())
        page.locator("svg.marks").first.wait_for()
        page.screenshot(path=ROOT / "docs" / "report.png")
        launched.close()
    print(f"docs/report.png from {newest.parent.name}")


if __name__ == "__main__":
    main()
