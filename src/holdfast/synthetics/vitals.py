"""Web vitals of the pages a walk sees: what a visitor's eyes would say.

    lcp   largest contentful paint, s        fcp   first contentful paint, s      ttfb  time to first byte, s
    inp   slowest interaction to next paint, s: there only after an interaction that stayed on the page
    cls   cumulative layout shift, no unit: the worst session window (gaps under 1 s, at most 5 s long)

Read at a step's end, off its clock, once for each document. An unthrottled headless browser on an idle machine gives
the best case: a signal of regressions, not what customers see.
"""

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from playwright.async_api import Page

_READ_SECONDS: Final = 1.0

# Runs before the page's own scripts, a Content-Security-Policy notwithstanding.
OBSERVER: Final = """
(() => {
  if (window.top !== window) return;
  const seen = {lcp: null, fcp: null, inp: null, cls: 0};
  const observe = (type, each, options) => {
    try {
      new PerformanceObserver(list => list.getEntries().forEach(each)).observe({type, buffered: true, ...options});
    } catch { /* this browser does not know the type */ }
  };
  observe('largest-contentful-paint', entry => { seen.lcp = entry.startTime / 1000; });
  observe('paint', entry => { if (entry.name === 'first-contentful-paint') seen.fcp = entry.startTime / 1000; });
  observe('event', entry => {
    if (entry.interactionId) seen.inp = Math.max(seen.inp ?? 0, entry.duration / 1000);
  }, {durationThreshold: 16});
  let first = -Infinity, last = -Infinity, shifted = 0;
  observe('layout-shift', entry => {
    if (entry.hadRecentInput) return;
    if (entry.startTime - last > 1000 || entry.startTime - first > 5000) { first = entry.startTime; shifted = 0; }
    last = entry.startTime;
    shifted += entry.value;
    seen.cls = Math.max(seen.cls, shifted);
  });
  Object.defineProperty(window, '__holdfastVitals', {value: () => {
    const navigation = performance.getEntriesByType('navigation')[0];
    return {document: performance.timeOrigin, ttfb: navigation ? navigation.responseStart / 1000 : null, ...seen};
  }});
})();
"""

# Paint entries come with the frame after the paint; a page that is not drawn has none to wait for.
_READ: Final = """
() => new Promise(done => {
  const read = () => done(window.__holdfastVitals ? window.__holdfastVitals() : {});
  setTimeout(read, 250);
  requestAnimationFrame(() => setTimeout(read, 0));
})
"""


class VitalsReader:
    """Reads a page's vitals, and says those of one document once."""

    def __init__(self) -> None:
        self._document = 0.0
        self._slowest_interaction = 0.0

    async def read(self, page: "Page") -> Mapping[str, float]:
        """What is new since the last reading, by name; nothing when the page cannot say."""
        try:
            async with asyncio.timeout(_READ_SECONDS):
                found: Mapping[str, float | None] = await page.evaluate(_READ)
        except Exception:  # noqa: BLE001  a page in mid-navigation: its vitals are no part of the walk
            return {}
        return self.news(found)

    def news(self, found: Mapping[str, float | None]) -> Mapping[str, float]:
        """Of what a page said, what was not said before. LCP, FCP, TTFB and CLS belong to the document as loaded."""
        document = found.get("document") or 0.0
        told = {name: value for name, value in found.items() if value is not None and name != "document"}
        if document != self._document:
            self._document, self._slowest_interaction = document, told.get("inp", 0.0)
            return told
        interaction = told.get("inp", 0.0)
        if interaction > self._slowest_interaction:
            self._slowest_interaction = interaction
            return {"inp": interaction}
        return {}
