"""`run.db`: where a run's evidence lies. SQLite in WAL mode, so several children append at once and it is readable
after a kill at any moment.

    series     source, name, outcome, detail → id
    intervals  one second of one series: count, histograms (see `histogram.Histogram.to_bytes`), slowest.
               Rows are deltas: several for the same second and series add up.
    exemplars  single samples worth keeping: failures, the slowest, with trace ids
    gauges     a value at a time: replicas ready, burn rate, generator CPU
    spans      phases and faults, as planned and as they happened (the last row of an id wins)
    events     things that happened, with facts as JSON

All times are seconds since the epoch, all durations seconds (histograms: microseconds).
"""

import json
import shutil
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from holdfast.errors import Problem, RunFolderError
from holdfast.private import make_file
from holdfast.record.histogram import Histogram
from holdfast.record.recorder import Folded, Interval, merge
from holdfast.record.sample import Sample
from holdfast.record.timeline import Span
from holdfast.temporary import TemporaryFolder

SCHEMA_VERSION: Final = 1
_LOCK_WAIT_SECONDS: Final = 10.0

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS series (
    id INTEGER PRIMARY KEY, source TEXT NOT NULL, name TEXT NOT NULL, outcome TEXT NOT NULL, detail TEXT NOT NULL,
    UNIQUE (source, name, outcome, detail));
CREATE TABLE IF NOT EXISTS intervals (
    second INTEGER NOT NULL, series INTEGER NOT NULL REFERENCES series, count INTEGER NOT NULL,
    response BLOB NOT NULL, service BLOB, lag BLOB, slowest REAL NOT NULL);
CREATE INDEX IF NOT EXISTS intervals_by_second ON intervals (second);
CREATE TABLE IF NOT EXISTS exemplars (
    at REAL NOT NULL, series INTEGER NOT NULL REFERENCES series, duration REAL NOT NULL, lag REAL NOT NULL,
    trace_id TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS gauges (at REAL NOT NULL, source TEXT NOT NULL, name TEXT NOT NULL, value REAL NOT NULL);
CREATE INDEX IF NOT EXISTS gauges_by_name ON gauges (source, name, at);
CREATE TABLE IF NOT EXISTS spans (
    kind TEXT NOT NULL, name TEXT NOT NULL, planned_start REAL, planned_end REAL, started REAL, ended REAL,
    attributes TEXT NOT NULL, PRIMARY KEY (kind, name));
CREATE TABLE IF NOT EXISTS events (at REAL NOT NULL, source TEXT NOT NULL, kind TEXT NOT NULL, facts TEXT NOT NULL);
"""


@dataclass(frozen=True, slots=True)
class Gauge:
    """A value at a time."""

    at: float
    source: str
    name: str
    value: float


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened, with facts that JSON can hold."""

    at: float
    source: str
    kind: str
    facts: Mapping[str, object] = field(default_factory=dict)


class RunStore:
    """An open `run.db`. One connection, one thread at a time (a recorder's flush may run in a worker thread)."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._series: dict[tuple[str, str, str, str], int] = {}

    @classmethod
    def create(cls, path: Path) -> Self:
        """Make a new `run.db`. Raises RunFolderError when one is there already."""
        if path.exists():
            raise RunFolderError(Problem(str(path), "a run was recorded here already", "choose another run folder"))
        make_file(path)  # SQLite gives the files it puts beside it the same rights
        store = cls(sqlite3.connect(path, timeout=_LOCK_WAIT_SECONDS, check_same_thread=False))
        _settle(store._connection)
        with store._connection as connection:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.executescript(_SCHEMA)
            connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        return store

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open one that exists, to append or to read. Raises RunFolderError when it is missing or not ours."""
        if not path.is_file():
            raise RunFolderError(Problem(str(path), "there is no such file", "name a run folder under runs/"))
        connection = sqlite3.connect(path, timeout=_LOCK_WAIT_SECONDS, check_same_thread=False)
        try:
            _settle(connection)
            (version,) = connection.execute("PRAGMA user_version").fetchone()
        except sqlite3.DatabaseError as error:
            connection.close()
            raise RunFolderError(Problem(str(path), f"not a run record: {error}")) from error
        if version != SCHEMA_VERSION:
            connection.close()
            raise RunFolderError(
                Problem(
                    str(path),
                    f"its schema is version {version}, this holdfast reads {SCHEMA_VERSION}",
                    "read it with the holdfast that wrote it (run.json names the version)",
                )
            )
        return cls(connection)

    @classmethod
    @contextmanager
    def reading(cls, path: Path) -> Iterator[Self]:
        """Open one to read it, also where nothing can be written: SQLite wants to make files beside one that was not
        sealed, so there a copy is read. Raises RunFolderError, sqlite3.Error."""
        try:
            store = cls.open(path)
        except RunFolderError as error:
            if not isinstance(error.__cause__, sqlite3.OperationalError):
                raise
        else:
            with store:
                yield store
            return
        with TemporaryFolder("record") as folder:
            copy = folder.path / path.name
            for suffix in ("", "-wal"):
                part = path.with_name(path.name + suffix)
                if part.exists():
                    shutil.copyfile(part, copy.with_name(copy.name + suffix))
            with cls.open(copy) as store:
                yield store

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._connection.close()

    def seal(self) -> None:
        """Fold the write-ahead log into the file, so that the run is one file again."""
        self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    # ── writing: each call is one transaction ──

    def write(self, folded: Folded, gauges: Iterable[Gauge] = ()) -> None:
        try:
            self._write(folded, gauges)
        except BaseException:
            self._series.clear()  # ids that were rolled back must not be remembered
            raise

    def _write(self, folded: Folded, gauges: Iterable[Gauge]) -> None:
        with self._connection as connection:
            connection.executemany(
                "INSERT INTO intervals VALUES (?, ?, ?, ?, ?, ?, ?)",
                [
                    (
                        i.second,
                        self._series_id(i.source, i.name, i.outcome, i.detail),
                        i.count,
                        i.response.to_bytes(),
                        None if i.lag is None else i.service.to_bytes(),  # with no lag the two are the same
                        None if i.lag is None else i.lag.to_bytes(),
                        i.slowest,
                    )
                    for i in folded.intervals
                ],
            )
            connection.executemany(
                "INSERT INTO exemplars VALUES (?, ?, ?, ?, ?)",
                [
                    (s.at, self._series_id(s.source, s.name, s.outcome, s.detail), s.duration, s.lag, s.trace_id)
                    for s in folded.exemplars
                ],
            )
            _insert_gauges(connection, gauges)

    def write_gauges(self, gauges: Iterable[Gauge]) -> None:
        with self._connection as connection:
            _insert_gauges(connection, gauges)

    def write_span(self, span: Span) -> None:
        """Insert, or replace the one of the same kind and name."""
        with self._connection as connection:
            connection.execute(
                "INSERT OR REPLACE INTO spans VALUES (?, ?, ?, ?, ?, ?, ?)",
                (
                    span.kind,
                    span.name,
                    span.planned_start,
                    span.planned_end,
                    span.started,
                    span.ended,
                    json.dumps(dict(span.attributes)),
                ),
            )

    def write_event(self, event: Event) -> None:
        with self._connection as connection:
            connection.execute(
                "INSERT INTO events VALUES (?, ?, ?, ?)",
                (event.at, event.source, event.kind, json.dumps(dict(event.facts))),
            )

    # ── reading ──

    def intervals(self, source: str | None = None, since: float | None = None) -> list[Interval]:
        """Merged, in order of second; of one source, and due at or after `since`, where asked."""
        return merge(row for _, row in self._interval_rows(source, since))

    def added(self, source: str | None, after: int) -> tuple[int, list[Interval]]:
        """Those of a source (None: of all) written after row `after`, and the last row there is now.

        Reading on from there misses none.
        """
        rows = list(self._interval_rows(source, None, after))
        return max((row for row, _ in rows), default=after), [interval for _, interval in rows]

    def exemplars(self, source: str | None = None) -> list[Sample]:
        rows = self._connection.execute(
            "SELECT at, source, name, outcome, duration, lag, detail, trace_id"
            " FROM exemplars JOIN series ON series.id = exemplars.series"
            " WHERE ? IS NULL OR source = ? ORDER BY at",
            (source, source),
        )
        return [Sample(*row) for row in rows]

    def gauges(self, source: str | None = None, name: str | None = None, since: float = 0.0) -> list[Gauge]:
        rows = self._connection.execute(
            "SELECT at, source, name, value FROM gauges"
            " WHERE (? IS NULL OR source = ?) AND (? IS NULL OR name = ?) AND at >= ? ORDER BY at",
            (source, source, name, name, since),
        )
        return [Gauge(*row) for row in rows]

    def spans(self, kind: str | None = None) -> list[Span]:
        rows = self._connection.execute(
            "SELECT kind, name, planned_start, planned_end, started, ended, attributes FROM spans"
            " WHERE ? IS NULL OR kind = ? ORDER BY coalesce(started, planned_start)",
            (kind, kind),
        )
        return [
            Span(kind, name, planned_start, planned_end, started, ended, json.loads(attributes))
            for kind, name, planned_start, planned_end, started, ended, attributes in rows
        ]

    def events(self, kind: str | None = None) -> list[Event]:
        rows: Sequence[tuple[float, str, str, str]] = self._connection.execute(
            "SELECT at, source, kind, facts FROM events WHERE ? IS NULL OR kind = ? ORDER BY at", (kind, kind)
        ).fetchall()
        return [Event(at, source, found, json.loads(facts)) for at, source, found, facts in rows]

    def _interval_rows(self, source: str | None, since: float | None, after: int = 0) -> Iterator[tuple[int, Interval]]:
        rows = self._connection.execute(
            "SELECT intervals.rowid, second, source, name, outcome, detail, count, response, service, lag, slowest"
            " FROM intervals JOIN series ON series.id = intervals.series"
            " WHERE (? IS NULL OR source = ?) AND (? IS NULL OR second >= ?) AND intervals.rowid > ?",
            (source, source, since, since, after),
        )
        for row, *columns in rows:
            yield row, interval_of(*columns)

    def _series_id(self, source: str, name: str, outcome: str, detail: str) -> int:
        key = (source, name, outcome, detail)
        known = self._series.get(key)
        if known is None:
            self._connection.execute("INSERT OR IGNORE INTO series VALUES (NULL, ?, ?, ?, ?)", key)
            with closing(
                self._connection.execute(
                    "SELECT id FROM series WHERE source = ? AND name = ? AND outcome = ? AND detail = ?", key
                )
            ) as found:
                known = self._series[key] = int(found.fetchone()[0])
        return known


def _insert_gauges(connection: sqlite3.Connection, gauges: Iterable[Gauge]) -> None:
    connection.executemany(
        "INSERT INTO gauges VALUES (?, ?, ?, ?)", [(g.at, g.source, g.name, g.value) for g in gauges]
    )


def _settle(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA synchronous = NORMAL")  # in WAL mode: safe against kills, not against power loss


def interval_of(
    second: int,
    source: str,
    name: str,
    outcome: str,
    detail: str,
    count: int,
    response: bytes,
    service: bytes | None,
    lag: bytes | None,
    slowest: float,
) -> Interval:
    """From what is kept of one: histograms as bytes, `service` None where it is the same as `response`."""
    return Interval(
        second=second,
        source=source,
        name=name,
        outcome=outcome,
        detail=detail,
        count=count,
        response=Histogram.from_bytes(response),
        service=Histogram.from_bytes(response if service is None else service),
        lag=None if lag is None else Histogram.from_bytes(lag),
        slowest=slowest,
    )
