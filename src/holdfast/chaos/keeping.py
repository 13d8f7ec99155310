"""What is kept of an experiment's journal: facts of a known kind, and words that stand in its file.

Chaos Toolkit records whatever an activity gave back: bodies and headers of answers, the output of processes, messages
of exceptions with the arguments in them. None of it can be told from a secret, so what is not known to be harmless is
dropped: outputs that are no number, no truth value and no word of the experiment's own file; messages but for the
words of the raising file (see `holdfast.wording`); arguments of activities that are not ours. Known secrets are then
redacted from what is left.
"""

import importlib.util
import logging
import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from holdfast.quoting import address_shown
from holdfast.redaction import Redactor
from holdfast.wording import HOLE, as_written, messages_in, said, with_holes

Kept = dict[str, Any]

NOT_KEPT: Final = "(not kept)"
_OURS: Final = ("holdfast.",)
_OF_ACTIVITY: Final = ("name", "type", "background", "pauses", "tolerance")
_OF_RUN: Final = ("status", "start", "end", "duration", "tolerance_met")
_OF_JOURNAL: Final = ("chaoslib-version", "start", "end", "duration", "status", "deviated")
_OF_PROVIDER: Final = ("type", "module", "func", "path", "method", "timeout")
_MAY_BE_SECRET: Final = ("secrets", "configuration")
_TYPE: Final = re.compile(r"\s*(?:[A-Za-z_]\w*\.)*(?P<name>[A-Z]\w{1,60})(?::\s*|$)")


class Keeper:
    """Keeps what may be kept of one experiment."""

    def __init__(self, data: Mapping[str, Any], redactor: Redactor) -> None:
        self._words = frozenset(
            _texts({name: part for name, part in data.items() if name not in {"secrets", "configuration"}})
        )
        self.redactor = redactor

    def journal(self, journal: Mapping[str, Any]) -> Kept:
        """Of the same shape as Chaos Toolkit's, as far as it goes."""
        states = journal.get("steady_states") or {}
        experiment = journal.get("experiment") or {}
        kept = {
            **{name: journal[name] for name in _OF_JOURNAL if name in journal},
            "experiment": {name: experiment.get(name) for name in ("title", "description")},
            "steady_states": {
                "before": self.state(states.get("before")),
                "after": self.state(states.get("after")),
                "during": [self.state(state) for state in states.get("during") or ()],
            },
            "run": [self.activity(item) for item in journal.get("run") or ()],
            "rollbacks": [self.activity(item) for item in journal.get("rollbacks") or ()],
        }
        redacted: Kept = self._redacted(kept)
        return redacted

    def state(self, state: Mapping[str, Any] | None) -> Kept | None:
        """One look at the steady state."""
        if state is None:
            return None
        return {
            "steady_state_met": state.get("steady_state_met"),
            "probes": [self.activity(item) for item in state.get("probes") or ()],
        }

    def activity(self, item: Mapping[str, Any]) -> Kept:
        """One activity that ran."""
        activity = item.get("activity") or {}
        provider = activity.get("provider") or {}
        kept: Kept = {name: item[name] for name in _OF_RUN if name in item}
        kept["activity"] = {name: activity[name] for name in _OF_ACTIVITY if name in activity}
        kept["activity"]["provider"] = _provider(provider)
        kept["output"] = self._output(item.get("output"), provider)
        if item.get("exception"):
            kept["exception"] = [self.error(str(item["exception"][-1]), provider)]
        redacted: Kept = self._redacted(kept)
        return redacted

    def error(self, text: str, provider: Mapping[str, Any]) -> str:
        """What may be said of an exception of which only the text is left."""
        kinds, rest = [], text.strip()
        while found := _TYPE.match(rest):
            kinds.append(found["name"])
            rest = rest[found.end() :]
        if _is_ours(provider):
            message = " ".join(rest.split())
        else:
            message = with_holes(rest, messages_in(_file_of(provider)))
            message = message if message.strip(f"{HOLE} ") else ""
        return self.redactor.redact(": ".join([*kinds[-2:], *([message] if message else [])]) or "an error")

    def _output(self, output: Any, provider: Mapping[str, Any]) -> Any:
        if output is None or isinstance(output, (bool, int, float)):
            return output
        if _is_ours(provider) or (isinstance(output, str) and output in self._words):
            return output
        if provider.get("type") in {"http", "process"} and isinstance(output, Mapping):
            status = output.get("status")
            return {"status": status if isinstance(status, int) else None}
        return NOT_KEPT

    def _redacted(self, value: Any) -> Any:
        if isinstance(value, Mapping):
            return {str(name): self._redacted(part) for name, part in value.items()}
        if isinstance(value, (list, tuple)):
            return [self._redacted(part) for part in value]
        return self.redactor.redact(value) if isinstance(value, str) else value


class KeptFormatter(logging.Formatter):
    """Lines of a log: our own as they are; of others the words of the logging statement and of the experiments."""

    def __init__(self, words: Iterable[str] = ()) -> None:
        super().__init__("%(asctime)s %(name)s %(levelname)s %(message)s")
        self.words = set(words)

    def format(self, record: logging.LogRecord) -> str:
        message = record.getMessage()
        if not record.name.startswith(_OURS):
            written = as_written(message, ((record.pathname, record.lineno),))
            whole = [word for word in self.words if word in message]
            message = with_holes(message, [*written.split(HOLE), *whole])
        error = record.exc_info[1] if record.exc_info else None
        made = logging.makeLogRecord(
            {**record.__dict__, "msg": message, "args": (), "exc_info": None, "exc_text": None}
        )
        line = super().format(made)
        return f"{line}: {said(error)}" if error is not None else line


def secrets_declared(data: Mapping[str, Any]) -> tuple[str, ...]:
    """The secrets of an experiment that are known before it runs: written in its file, or of the environment."""
    return tuple(_declared(data.get("secrets") or {}))


def words_of(data: Mapping[str, Any]) -> Iterator[str]:
    """What an experiment's file says: its title, the names of its activities."""
    yield str(data.get("title", ""))
    hypothesis = data.get("steady-state-hypothesis") or {}
    yield str(hypothesis.get("title", ""))
    for part in (hypothesis.get("probes"), data.get("method"), data.get("rollbacks")):
        yield from (str(activity.get("name", "")) for activity in part or () if isinstance(activity, Mapping))


def _declared(part: Any) -> Iterator[str]:
    if isinstance(part, Mapping):
        if part.get("type") == "env":
            yield from (os.environ.get(str(part.get("key")), ""), str(part.get("default") or ""))
            return
        for inner in part.values():
            yield from _declared(inner)
    elif isinstance(part, (list, tuple)):
        for inner in part:
            yield from _declared(inner)
    elif part is not None:
        yield str(part)


def _provider(provider: Mapping[str, Any]) -> Kept:
    kept = {name: provider[name] for name in _OF_PROVIDER if name in provider}
    if "url" in provider:
        kept["url"] = address_shown(str(provider["url"]))
    arguments = provider.get("arguments")
    if _is_ours(provider):
        kept["arguments"] = arguments
    elif isinstance(arguments, Mapping):
        kept["arguments"] = dict.fromkeys(arguments, NOT_KEPT)
    return kept


def _is_ours(provider: Mapping[str, Any]) -> bool:
    return str(provider.get("module", "")).startswith("holdfast.chaos.")


def _file_of(provider: Mapping[str, Any]) -> str:
    """The source of an activity in Python; "" for others, or when it is not found."""
    name = str(provider.get("module") or "")
    if provider.get("type") != "python" or not name:
        return ""
    if (module := sys.modules.get(name)) is not None:
        return str(getattr(module, "__file__", None) or "")
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError):
        return ""
    return str(Path(spec.origin)) if spec is not None and spec.origin else ""


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for part in value.values():
            yield from _texts(part)
    elif isinstance(value, (list, tuple)):
        for part in value:
            yield from _texts(part)
    elif isinstance(value, str):
        yield value
