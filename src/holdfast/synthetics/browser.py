"""The one browser of the child process: found, launched, shared, and launched again when it died.

In: a path, or nothing. Out: fresh contexts, each a stranger to the last. One long-lived browser costs a third less
CPU a walk than one launched for each (0.60 against 0.91 s for a sign-in, measured).
"""

import asyncio
import json
import os
import sys
from collections.abc import Iterable
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from holdfast.environment import for_a_browser
from holdfast.errors import Problem
from holdfast.synthetics.fence import fence_driver
from holdfast.synthetics.marking import authority_of, marked_user_agent
from holdfast.synthetics.probe_error import ProbeError

if TYPE_CHECKING:
    from playwright.async_api import Browser, BrowserContext, Playwright

# No environment variable or channel of Playwright's finds a distribution's Chromium, so it is looked for here. The
# headless shell goes first: a full Chromium draws a window's frame for every page, unseen, and takes three times the
# CPU (3.4 against 1.1 s for a walk of seven pages, measured with 156 on a busy machine of two cores).
SYSTEM_BROWSERS: Final = (
    Path("/usr/bin/chromium-headless-shell"),
    Path("/usr/bin/chromium"),
    Path("/usr/bin/chromium-browser"),
    Path("/usr/bin/google-chrome"),
    Path("/snap/bin/chromium"),
)
_LAUNCH_SECONDS: Final = 30.0
_CONTEXT_SECONDS: Final = 15.0  # takes 0.3 s; a browser that needs this long is wedged
_CLOSE_SECONDS: Final = 5.0
_FIX: Final = "install one (apt-get install chromium-headless-shell, or playwright install chromium), or name its path"


def find_browser(
    setting: str | None = None, system: Iterable[Path] = SYSTEM_BROWSERS
) -> tuple[Path | None, list[Problem]]:
    """The browser to launch: the one that is set, else Playwright's own build, else a known path of the system.

    None with the problem and its fix, when there is none.
    """
    if setting is not None:
        path = Path(setting).expanduser()
        if _can_run(path):
            return path, []
        return None, [Problem("browser", f"{path} is not a program that can be run", _FIX)]
    candidates = [*_playwright_builds(), *system]
    found = next((path for path in candidates if _can_run(path)), None)
    if found is not None:
        return found, []
    looked = ", ".join(str(path) for path in candidates)
    return None, [Problem("browser", f"there is no Chromium (looked for {looked})", _FIX)]


def launch_arguments(url: str, *, as_root: bool) -> list[str]:
    """Chromium's flags beside Playwright's own: nothing but the target's origin is looked up or connected to.

    The environment's proxies are not obeyed, as load does not: names would be theirs to look up, and no rule of ours
    would be asked where a redirect or a WebSocket leads.
    """
    arguments = [
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-dev-shm-usage",  # containers give /dev/shm 64 MB, which crashes Chromium
        "--disable-domain-reliability",
        "--disable-gpu",
        "--disable-quic",
        "--disable-sync",
        "--no-first-run",
        "--no-pings",
    ]
    if as_root:
        arguments.append("--no-sandbox")  # Chromium refuses to run as root with its sandbox
    place = authority_of(url)
    arguments += ["--no-proxy-server", f"--host-resolver-rules=MAP {place} {place}, MAP * ~NOTFOUND"]
    return arguments


class SharedBrowser:
    """A running browser. Several walks share it; whoever finds it dead has it replaced, once."""

    def __init__(self, path: Path, url: str, marker: str = "") -> None:
        self._path = path
        self._url = url
        self._marker = marker
        self._replacing = asyncio.Lock()
        self._playwright: Playwright | None = None
        self._browser: Browser | None = None
        self.generation = 0  # how often it was launched
        self.user_agent = ""

    @property
    def name(self) -> str:
        """For the record: which browser, and where it lies."""
        return f"Chromium {self._browser.version if self._browser else '?'} ({self._path})"

    @property
    def alive(self) -> bool:
        return self._browser is not None and self._browser.is_connected()

    async def launch(self) -> None:
        """Raises ProbeError when it does not come up."""
        from playwright.async_api import async_playwright

        _keep_our_secrets_from_the_driver()
        try:
            async with asyncio.timeout(_LAUNCH_SECONDS):
                self._playwright = await async_playwright().start()
                self._browser = await self._playwright.chromium.launch(
                    executable_path=self._path,
                    args=launch_arguments(self._url, as_root=os.geteuid() == 0),
                    env={**for_a_browser(os.environ)},
                    # Ctrl-C reaches the whole process group: it is the runner's to answer, not the driver's.
                    handle_sigint=False,
                    handle_sigterm=False,
                    handle_sighup=False,
                )
                page = await self._browser.new_page()
                self.user_agent = await page.evaluate("navigator.userAgent")
                await page.close()
                fence_driver(self._url, marked_user_agent(self.user_agent, self._marker))
        except Exception as error:
            await self.close()
            reason = str(error).strip().split("\n")[0] or type(error).__name__
            raise ProbeError(f"{self._path} does not come up: {reason}") from error
        self.generation += 1

    async def replace(self, generation: int) -> None:
        """Launch anew, unless somebody did since `generation`. Raises ProbeError when it does not come up."""
        async with self._replacing:
            if self.generation == generation:
                await self.close()
                await self.launch()

    async def open_context(self, **options: Any) -> "BrowserContext":
        """A fresh context; close it. Raises ProbeError when the browser gives none."""
        if self._browser is None:
            raise ProbeError("the browser is not running")
        try:
            async with asyncio.timeout(_CONTEXT_SECONDS):
                return await self._browser.new_context(**options)
        except Exception as error:
            raise ProbeError(f"the browser opens no page: {type(error).__name__}") from error

    async def close(self) -> None:
        """Also when it died; never raises."""
        browser, playwright, self._browser, self._playwright = self._browser, self._playwright, None, None
        for closing in (browser.close if browser else None, playwright.stop if playwright else None):
            if closing is not None:
                with suppress(Exception):
                    async with asyncio.timeout(_CLOSE_SECONDS):
                        await closing()


def _keep_our_secrets_from_the_driver() -> None:
    """Playwright hands its driver, a program of Node.js, the whole environment, and has no setting for that."""
    from playwright._impl import transport
    from playwright._impl._driver import get_driver_env

    def allowed() -> dict[str, str]:
        added = {name: value for name, value in get_driver_env().items() if name not in os.environ}
        return for_a_browser(os.environ) | added

    transport.get_driver_env = allowed  # type: ignore[attr-defined]


def _can_run(path: Path) -> bool:
    return path.is_file() and os.access(path, os.X_OK)


def _playwright_builds() -> list[Path]:
    """Where this version of Playwright keeps the build it was tested with; without importing it (0.15 s)."""
    spec = find_spec("playwright")
    if spec is None or spec.origin is None:
        return []
    folder = os.environ.get("PLAYWRIGHT_BROWSERS_PATH") or "~/.cache/ms-playwright"
    try:
        listed = json.loads((Path(spec.origin).parent / "driver/package/browsers.json").read_text(encoding="utf-8"))
        revision = next(str(one["revision"]) for one in listed["browsers"] if one["name"] == "chromium")
    except (OSError, ValueError, KeyError, StopIteration):
        return []
    root = Path(folder).expanduser()
    patterns = (
        f"chromium_headless_shell-{revision}/chrome-*/*headless*shell",
        f"chromium-{revision}/chrome-linux*/chrome",
    )
    return [path for pattern in patterns for path in sorted(root.glob(pattern))]


def main() -> int:
    """`python -m holdfast.synthetics.browser`: the path on stdout and 0, or what to do on stderr and 2."""
    path, problems = find_browser()
    for problem in problems:
        sys.stderr.write(f"{problem}\n")
    if path is not None:
        sys.stdout.write(f"{path}\n")
    return 2 if path is None else 0


if __name__ == "__main__":
    sys.exit(main())
