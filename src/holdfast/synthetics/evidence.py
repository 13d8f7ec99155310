"""What is kept of a walk that failed: a masked screenshot and a small JSON file, without secrets.

    evidence/<journey>-<time>-<step>.png    fields, [data-private], frames and every known secret painted over
    evidence/<journey>-<time>-<step>.json   where, line, what was expected, address, browser, trace id

What is said of the error are facts of a known kind (see `saying`), the author's own line, and the address without
what may be a token; text of the page is in neither. Both files are made in memory, scanned there for every secret
known, and written only when there is none: what is refused never was on disk, whenever we are killed. Playwright's
traces and HAR files hold the typed password and the cookies in clear (measured; playwright issue 19992 asks for
masking since 2022), so none are made.
"""

import asyncio
import json
import re
import traceback
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from holdfast.quoting import address_shown, statement_shown
from holdfast.redaction import HIDDEN, Redactor
from holdfast.synthetics.saying import error_said

if TYPE_CHECKING:
    from playwright.async_api import Locator, Page

_SCREENSHOT_SECONDS: Final = 5.0
_LONGEST_SHOWN: Final = 400  # of a secret that a page may show in one place; what it stores may be longer
_LONGEST_ERROR: Final = 400
_PRIVATE: Final = (
    "input:not([type=submit]):not([type=button]):not([type=hidden]), textarea, select, iframe, frame, object, embed,"
    " canvas, [contenteditable]:not([contenteditable=false i]), [role=textbox], [data-private]"
)


@dataclass(frozen=True, slots=True)
class Failure:
    """A step that failed, as it may be told: `error` is redacted."""

    journey: str
    step: str  # "" when it failed outside its steps
    at: float  # seconds since the epoch
    outcome: str
    detail: str
    error: str
    line: str  # of the journey's file, where it happened
    account: int  # its index, which is no secret
    trace_id: str
    browser: str
    status: int | None = None  # of the answer that decided
    error_code: str = ""  # what that answer calls its error: "database_unavailable"

    @property
    def stem(self) -> str:
        """The name of its files, without ending."""
        time = datetime.fromtimestamp(self.at, UTC).strftime("%Y%m%dT%H%M%S")
        return "-".join(_plain(part) for part in (self.journey, time, self.step) if part)


async def keep_evidence(page: "Page", failure: Failure, folder: Path, redactor: Redactor) -> tuple[Path, ...]:
    """Write the evidence into `folder`; the files written.

    Fewer than two when the page could not be drawn, or a secret was still found in a file.
    """
    picture = await _screenshot(page, redactor)
    files = {} if picture is None else {f"{failure.stem}.png": picture}
    facts = _facts(failure, page.url, redactor, with_picture=picture is not None)
    files[f"{failure.stem}.json"] = (json.dumps(facts, indent=2) + "\n").encode()
    return write_what_is_clean(files, folder, redactor)


def write_what_is_clean(files: Mapping[str, bytes], folder: Path, redactor: Redactor) -> tuple[Path, ...]:
    """Write the files that hold no known secret, by name, into `folder`; those written, sorted.

    Each appears whole or not at all. What a kill leaves is a `.draft-` of a file that was found clean.
    """
    folder.mkdir(parents=True, exist_ok=True)
    clean = [name for name in sorted(files) if not redactor.is_in(name.encode() + files[name])]
    return tuple(_write_whole(folder / name, files[name]) for name in clean)


def _write_whole(path: Path, content: bytes) -> Path:
    draft = path.with_name(f".draft-{path.name}")
    try:
        draft.write_bytes(content)
        return draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def safe_text(error: BaseException, redactor: Redactor) -> str:
    """What may be said of what was raised, redacted."""
    return redactor.redact(error_said(error))[:_LONGEST_ERROR]


def journey_line(error: BaseException, path: str, redactor: Redactor) -> str:
    """Where in the journey's file it happened, and the statement there without its values; "" when not in it.

    "sign_in.py:20  await expect(page.get_by_role('heading', name='Your account')).to_be_visible()"
    """
    lines = [line for frame, line in traceback.walk_tb(error.__traceback__) if frame.f_code.co_filename == path]
    if not lines:
        return ""
    return redactor.redact(f"{Path(path).name}:{lines[-1]}  {statement_shown(path, lines[-1])}".rstrip())


async def _screenshot(page: "Page", redactor: Redactor) -> bytes | None:
    masks: list[Locator] = [page.locator(_PRIVATE)]
    if shown := _shown(redactor.values):
        masks += [page.get_by_text(shown), page.get_by_alt_text(shown)]
    try:
        async with asyncio.timeout(_SCREENSHOT_SECONDS):
            return await page.screenshot(
                mask=masks, mask_color="#555555", animations="disabled", timeout=_SCREENSHOT_SECONDS * 1000
            )
    except Exception:  # noqa: BLE001  a page that cannot be drawn: the JSON file says what is known
        return None


def _shown(values: Iterable[str]) -> re.Pattern[str] | None:
    """Each of these values as a page shows it: however it breaks the lines, in any case. One pattern, for a page may
    hold hundreds, and a mask for each would take longer than there is time."""
    ways = [r"\s*".join(map(re.escape, value.split())) for value in values if len(value) <= _LONGEST_SHOWN]
    return re.compile("|".join(ways), re.IGNORECASE) if ways else None


def _facts(failure: Failure, url: str, redactor: Redactor, *, with_picture: bool) -> dict[str, object]:
    texts = {
        "journey": failure.journey,
        "step": failure.step or None,
        "outcome": failure.outcome,
        "detail": failure.detail,
        "error": failure.error,
        "line": failure.line,
        "url": address_shown(url),
        "browser": failure.browser,
        "trace_id": failure.trace_id,
    }
    texts["error_code"] = failure.error_code or None
    redacted = {name: redactor.redact(text) if text else text for name, text in texts.items()}
    screenshot = f"{failure.stem}.png" if with_picture else None
    numbers = {"at": failure.at, "status": failure.status}
    return {**redacted, **numbers, "account": failure.account, "screenshot": screenshot, "hidden_as": HIDDEN}


def _plain(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9_]+", "_", text).strip("_")
