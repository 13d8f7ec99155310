"""Of an experiment's journal and log facts are kept, and words that stand in its file or its source."""

import json
import logging
import sys
from pathlib import Path

import pytest

from holdfast.chaos.keeping import NOT_KEPT, Keeper, KeptFormatter, secrets_declared, words_of
from holdfast.chaos.verdict import what_failed
from holdfast.redaction import HIDDEN, Redactor

CANARY = "canary-of-the-answer"
PYTHON = {"type": "python", "module": "kept_module", "func": "ask", "arguments": {"text": CANARY}}


def ran(output: object = None, provider: dict[str, object] | None = None, **more: object) -> dict[str, object]:
    activity = {"name": "ask", "type": "probe", "provider": provider or PYTHON, "tolerance": "up"}
    return {"activity": activity, "status": "succeeded", "output": output, **more}


@pytest.mark.parametrize(
    ("output", "provider", "kept"),
    [
        (3, PYTHON, 3),
        (True, PYTHON, True),
        (None, PYTHON, None),
        ("up", PYTHON, "up"),
        (CANARY, PYTHON, NOT_KEPT),
        ([CANARY], PYTHON, NOT_KEPT),
        ({CANARY: 1}, PYTHON, NOT_KEPT),
        ({"status": 503, "headers": {"X": CANARY}, "body": CANARY}, {"type": "http", "url": "x"}, {"status": 503}),
        ({"status": 1, "stdout": CANARY, "stderr": CANARY}, {"type": "process", "path": "x"}, {"status": 1}),
        ({"fault": "latency"}, {"type": "python", "module": "holdfast.chaos.actions"}, {"fault": "latency"}),
    ],
)
def test_an_output_is_kept_where_it_is_a_fact_or_a_word_of_the_file(
    output: object, provider: dict[str, object], kept: object
) -> None:
    keeper = Keeper({"method": [{"tolerance": "up"}], "secrets": {"vault": {"token": CANARY}}}, Redactor())
    assert keeper.activity(ran(output, provider))["output"] == kept


def test_an_exception_is_said_by_its_kind_and_by_what_its_source_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "kept_module.py").write_text('def ask(text):\n    raise RuntimeError(f"login failed with {text}")\n')
    monkeypatch.syspath_prepend(str(tmp_path))
    sys.modules.pop("kept_module", None)
    text = f"chaoslib.exceptions.ActivityFailed: builtins.RuntimeError: login failed with {CANARY}\n"

    item = Keeper({}, Redactor()).activity(ran(status="failed", exception=["Traceback", text]))

    assert what_failed(item) == '"ask" failed: ActivityFailed: RuntimeError: login failed with …'


def test_an_exception_of_an_answer_is_said_by_its_kind_alone() -> None:
    text = f"chaoslib.exceptions.ActivityFailed: requests.exceptions.ConnectionError: /?token={CANARY}"
    item = ran(status="failed", exception=[text], provider={"type": "http", "url": f"http://me:word@x/a/{CANARY}7"})

    kept = Keeper({}, Redactor()).activity(item)

    assert what_failed(kept) == '"ask" failed: ActivityFailed: ConnectionError'
    assert CANARY not in json.dumps(kept)
    assert kept["activity"]["provider"]["url"] == "http://x/a/…"


def test_a_whole_journal_keeps_its_shape_and_nothing_of_its_secrets() -> None:
    probe = ran({"status": 200, "body": CANARY}, {"type": "http", "url": "http://x", "headers": {"A": CANARY}})
    state = {"steady_state_met": True, "probes": [probe], "extra": CANARY}
    journal = {
        "status": "completed",
        "node": CANARY,
        "experiment": {"title": "a title with s3cret-s3cret", "secrets": {"v": CANARY}, "configuration": {"c": CANARY}},
        "steady_states": {"before": state, "after": None, "during": [state]},
        "run": [ran(CANARY)],
        "rollbacks": [ran(1)],
    }

    kept = Keeper({}, Redactor("s3cret-s3cret")).journal(journal)

    assert CANARY not in json.dumps(kept)
    assert kept["experiment"]["title"] == f"a title with {HIDDEN}"
    assert kept["steady_states"]["before"]["steady_state_met"] is True
    assert kept["steady_states"]["after"] is None
    assert [item["output"] for item in kept["rollbacks"]] == [1]


def test_secrets_that_an_experiment_declares_are_known_before_it_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VAULT_WORD", "word-of-the-vault")
    declared = {
        "v": {"token": {"type": "env", "key": "VAULT_WORD"}, "pw": "inline-word"},
        "w": {"type": "env", "key": "X"},
    }
    assert set(secrets_declared({"secrets": declared})) >= {"word-of-the-vault", "inline-word"}


def test_a_foreign_line_of_a_log_keeps_the_words_of_its_statement_and_of_the_experiments() -> None:
    data = {"title": "A replica dies", "method": [{"name": "kill one"}]}
    formatter = KeptFormatter(words_of(data))
    lines: list[str] = []

    class Listening(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(formatter.format(record).split(" INFO ", 1)[-1].split(" ERROR ", 1)[-1])

    handler = Listening()
    foreign, ours = logging.getLogger("chaostoolkit.x"), logging.getLogger("holdfast.chaos.x")
    for log in (foreign, ours):
        log.addHandler(handler)
        log.setLevel(logging.INFO)
        log.propagate = False
    try:
        foreign.info("Running experiment: %s", "A replica dies")
        foreign.error(f"  => failed: RuntimeError: {CANARY}")
        ours.info("the lease of 1 was not renewed")
        foreign.error("it broke", exc_info=ValueError(CANARY))
    finally:
        for log in (foreign, ours):
            log.removeHandler(handler)
            log.propagate = True
    assert lines == [
        "Running experiment: A replica dies",
        "=> failed: RuntimeError: …",
        "the lease of 1 was not renewed",
        "it broke: ValueError",
    ]
