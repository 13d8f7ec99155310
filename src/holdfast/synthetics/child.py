"""The child process of a run that walks journeys: `python -m holdfast.synthetics`, speaking `holdfast.channel`.

Its job, beside what every job has:

    "journeys": [{"name", "path", "every": s | null, "budget": s | null, "times": walks at most | null}]
                                      null: the journey's own; as many walks as are due
    "browser":  path | null           null: found, see `browser`
    "accounts": {"first": 1900, "count": 100}
"""

import asyncio
import os
from collections.abc import Iterable, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Final

from holdfast.authored import import_file
from holdfast.channel import ChildEnd
from holdfast.clock import SystemClock
from holdfast.errors import HoldfastError, InputError, Problem, raise_input_error, shown
from holdfast.kit.account_locks import AccountLocks
from holdfast.kit.accounts import AccountPool, accounts_of, secrets_in, turned
from holdfast.kit.code_ledger import shared_ledger
from holdfast.kit.inbox import Inbox, fetcher
from holdfast.kit.plain_client import Rules
from holdfast.kit.totp import STEP_SECONDS
from holdfast.process import ending_signals, undo_inherited
from holdfast.record.store import RunStore
from holdfast.redaction import secrets_of
from holdfast.synthetics.browser import SharedBrowser, find_browser
from holdfast.synthetics.definition import check_journey, definition_of
from holdfast.synthetics.journey import Journey
from holdfast.synthetics.probe_error import ProbeError
from holdfast.synthetics.prober import Prober, Round
from holdfast.synthetics.recording import Recording
from holdfast.synthetics.schedule import spread
from holdfast.synthetics.visit import PATIENCE
from holdfast.synthetics.walk import Place
from holdfast.temporary import TemporaryFolder
from holdfast.workspace.tls import Tls, context_of
from holdfast.workspace.workspace import STATE_FOLDER

_FLUSH_SECONDS: Final = 1.0
_WIND_DOWN_SECONDS: Final = 5.0  # past the longest budget: evidence, clean-up


@dataclass(frozen=True, slots=True)
class Asked:
    """A journey of the job."""

    journey: Journey
    needs_code: bool
    times: int | None


@dataclass(frozen=True, slots=True)
class Task:
    """A job, read."""

    journeys: tuple[Asked, ...]
    browser: Path
    place: Place
    accounts: AccountPool
    locks: AccountLocks
    run_db: Path
    duration: float


def main() -> int:
    """The process. Exit code 0 when it did its work, 2 when the job is wrong, 3 when the browser does not come up."""
    undo_inherited()
    channel = ChildEnd.from_standard_streams()
    os.environ.pop("DEBUG", None)  # Playwright's driver would log every call, typed passwords included
    job = channel.receive()
    if job is None:
        return 0
    try:
        if "check" in job:
            check_journeys([Path(path) for path in job["check"].values()])
            channel.tell({"checked": True})
            job = channel.receive()
            if job is None or "stop" in job:
                return 0
        channel.redactor.add(*secrets_in(job["target"].get("accounts")))
        task = read_job(job)
        with TemporaryFolder("browser") as folder:
            # The driver and the browser keep profiles and downloads there; whoever kills us keeps them from tidying up.
            os.environ["TMPDIR"] = str(folder.path)
            return asyncio.run(_work(channel, task))
    except HoldfastError as error:
        channel.tell_problems(error.problems)
        return int(error.exit_code)
    except ProbeError as error:
        channel.tell_problems([Problem("browser", str(error), "run `holdfast doctor`")])
        return 3


def read_job(job: Mapping[str, Any]) -> Task:
    """Raises InputError with everything that is wrong."""
    paths = [Path(entry["path"]) for entry in job["journeys"]]
    browser, problems = find_browser(job.get("browser"))
    problems += [problem for path in paths for problem in check_journey(path)]
    if problems or browser is None:
        raise InputError(*problems)
    target = job["target"]
    clock = SystemClock(job["anchor"])
    accounts = accounts_of(target["accounts"], job["accounts"]["first"], job["accounts"]["count"])
    outbox_url, tls = target.get("outbox_url"), Tls(**(target.get("tls") or {}))
    return Task(
        journeys=tuple(
            Asked(_with_settings(load_journey(path), entry), definition_of(path).needs_code, entry.get("times"))
            for path, entry in zip(paths, job["journeys"], strict=True)
        ),
        browser=browser,
        place=Place(
            url=target["url"],
            marker=target["marker"],
            verify=tls.verify,
            inbox=Inbox(outbox_url, fetcher(Rules(target["marker"]), context_of(tls))) if outbox_url else None,
            ledger=shared_ledger(Path(job["workspace"]) / STATE_FOLDER, target["url"], target.get("code_margin")),
            clock=clock,
            evidence=Path(job["run_folder"]) / "evidence",
            secrets=secrets_of(os.environ),
        ),
        accounts=AccountPool(turned(accounts, clock.now()), clock),
        locks=AccountLocks(Path(job["workspace"]) / STATE_FOLDER, target["url"]),
        run_db=Path(job["run_db"]),
        duration=float(job["duration"]),
    )


def check_journeys(paths: Iterable[Path]) -> None:
    """Raises InputError with what is wrong with all of them."""
    problems: list[Problem] = []
    for path in paths:
        wrong = check_journey(path)
        problems += wrong
        try:
            if not wrong:
                load_journey(path)
        except InputError as error:
            problems += error.problems
    raise_input_error(problems)


def load_journey(path: Path) -> Journey:
    """Import a journey's file. Raises InputError when it cannot be imported or makes no journey."""
    module = import_file(path, f"holdfast_journey_{path.stem}")
    made = getattr(module, path.stem, None)
    if not isinstance(made, Journey):
        raise InputError(Problem(shown(path), f"{path.stem} is not a journey", "write @journey(...) above it"))
    return made


def _with_settings(journey: Journey, entry: Mapping[str, Any]) -> Journey:
    own = journey.settings
    every, budget = entry.get("every") or own.every, entry.get("budget") or own.budget
    return replace(journey, settings=replace(own, every=every, budget=budget))


async def _work(channel: ChildEnd, task: Task) -> int:
    loop = asyncio.get_running_loop()
    # A call that was under way when its page was closed: its text may hold what was typed, so it is not logged.
    loop.set_exception_handler(lambda _loop, _context: None)
    _set_expectations(task)
    browser = SharedBrowser(task.browser, task.place.url, task.place.marker)
    await browser.launch()
    try:
        channel.tell_ready()
        # In a thread: the browser's driver must be heard while we wait.
        go = await asyncio.to_thread(channel.receive)
        if go is None or "go" not in go:
            if go is not None:
                channel.tell_done(**_facts(browser, {}))
            return 0
        with closing(RunStore.open(task.run_db)) as store:
            names = [asked.journey.name for asked in task.journeys]
            recording = Recording(store, names, channel.tell_event)
            await _walk_all(channel, task, browser, recording, start=float(go["go"]))
            channel.tell_done(**_facts(browser, recording.facts()))
        return 0
    finally:
        await browser.close()


def _set_expectations(task: Task) -> None:
    """An expectation that outlasts the budget is cut off with less to tell. One value for the whole process."""
    from playwright.async_api import expect

    shortest = min((asked.journey.settings.budget for asked in task.journeys), default=PATIENCE)
    expect.set_options(timeout=min(PATIENCE, shortest) * 1000)


async def _walk_all(channel: ChildEnd, task: Task, browser: SharedBrowser, recording: Recording, start: float) -> None:
    loop = asyncio.get_running_loop()
    prober = Prober(browser, task.place, task.accounts, recording, task.locks)
    for number in ending_signals():  # from the runner, which lost its patience
        loop.add_signal_handler(number, partial(prober.stop, "now"))

    def stop(how: str) -> None:
        with suppress(RuntimeError):  # the loop is over already
            loop.call_soon_threadsafe(prober.stop, how)

    channel.on_stop(stop)
    ticks = spread([(asked.journey.settings.every, asked.times) for asked in task.journeys], start, task.duration)
    rounds = [Round(asked.journey, asked.needs_code, each) for asked, each in zip(task.journeys, ticks, strict=True)]
    longest = max((asked.journey.settings.budget for asked in task.journeys), default=0.0)
    over = asyncio.Event()
    flushing = asyncio.create_task(_keep_flushing(recording, over))
    try:
        codes = STEP_SECONDS if any(asked.needs_code for asked in task.journeys) else 0  # a walk's last wait is our own
        await prober.run(rounds, longest + codes + _WIND_DOWN_SECONDS)
    finally:
        over.set()
        await flushing


async def _keep_flushing(recording: Recording, over: asyncio.Event) -> None:
    """Once a second, and a last time when all is over."""
    while not over.is_set():
        with suppress(TimeoutError):
            await asyncio.wait_for(over.wait(), _FLUSH_SECONDS)
        await asyncio.to_thread(recording.write, recording.take())
    # What came in while the write before was under way: the last walk, often.
    await asyncio.to_thread(recording.write, recording.take())


def _facts(browser: SharedBrowser, facts: Mapping[str, object]) -> dict[str, object]:
    return {**facts, "browser": browser.name, "launches": browser.generation}
