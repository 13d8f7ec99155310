"""One-time codes: none that is about to end, none twice, whichever process asks; and what stands on disk."""

import fcntl
import multiprocessing
import os
from types import SimpleNamespace

import pytest
from pydantic import ValidationError

from holdfast.kit.accounts import generated_account
from holdfast.kit.code_ledger import FILE_NAME, CodeLedger, shared_ledger
from holdfast.kit.totp import StepLedger, code_at
from holdfast.load.job import Job
from holdfast.run.target import open_target
from holdfast.synthetics import child
from holdfast.workspace.target import TargetDefinition

SECRET = generated_account(0).totp_secret
OTHER = generated_account(2).totp_secret
TARGET = "http://127.0.0.1:8080"
NOW = 1_795_000_020.0  # 0 s into a step


@pytest.mark.parametrize(
    ("into", "wait", "step"), [(0.0, 0.0, 0), (26.9, 0.0, 0), (27.0, 0.0, 0), (27.1, 3.0, 1), (29.999, 3.0, 1)]
)
def test_a_code_with_less_than_the_margin_left_is_not_given_out(into, wait, step):
    assert NOW % 30 == 0
    turn = StepLedger().next_code(SECRET, NOW + into)
    assert turn.wait == pytest.approx(wait)
    assert turn.code == code_at(SECRET, NOW + step * 30)
    sent = NOW + into + turn.wait
    assert 0 <= sent - (NOW + step * 30) <= 27, "it is sent within its step"


def test_those_who_came_too_late_for_a_step_keep_their_distances():
    turns = [StepLedger().next_code(SECRET, NOW + into).wait + into for into in (27.5, 28.0, 29.5)]
    assert turns == pytest.approx([30.5, 31.0, 32.5])


def test_the_margin_can_be_another():
    assert StepLedger(margin=0.0).next_code(SECRET, NOW + 29.9).wait == 0.0
    assert StepLedger(margin=10.0).next_code(SECRET, NOW + 21.0).wait == pytest.approx(10.0)


def test_the_margin_of_a_target_reaches_whoever_sends_its_codes(tmp_path, monkeypatch):
    definition = TargetDefinition.model_validate({"url": TARGET, "code_margin": "10s"})
    with open_target(SimpleNamespace(root=tmp_path), "mine", definition, "a run") as connection:
        target = connection.as_json() | {"accounts": {"generated": 1}}
    job = {
        "target": target, "anchor": 0.0, "workspace": str(tmp_path), "run_folder": str(tmp_path), "duration": 1.0,
        "run_db": "r", "seed": 1, "load": [], "scenarios": {}, "accounts": {"first": 0, "count": 1}, "journeys": [],
    }  # fmt: skip
    assert Job.of(job).target.code_margin == 10.0
    monkeypatch.setattr(child, "find_browser", lambda _: ("a browser", []))
    assert child.read_job(job).place.ledger.next_code(SECRET, NOW + 21.0).wait == pytest.approx(10.0)


@pytest.mark.parametrize("wrong", ["-1s", "16s", "3", "soon"])
def test_a_margin_that_leaves_no_time_to_send_a_code_is_refused(wrong):
    with pytest.raises(ValidationError):
        TargetDefinition.model_validate({"url": TARGET, "code_margin": wrong})


def test_two_ledgers_of_one_workspace_never_give_out_a_code_twice(tmp_path):
    one, other = shared_ledger(tmp_path / ".holdfast", TARGET), shared_ledger(tmp_path / ".holdfast", TARGET)
    turns = [ledger.next_code(SECRET, NOW + 5) for ledger in (one, other, one, other)]
    assert [turn.wait for turn in turns] == [0.0, 25.0, 55.0, 85.0]
    assert len({turn.code for turn in turns}) == 4
    assert other.next_code(OTHER, NOW + 5).wait == 0.0
    assert shared_ledger(tmp_path / "elsewhere", TARGET).next_code(SECRET, NOW + 5).wait == 0.0


def test_a_code_that_one_target_took_is_new_to_another(tmp_path):
    here, there = (CodeLedger(tmp_path / "codes", url) for url in (TARGET, "http://127.0.0.1:8081"))
    same = CodeLedger(tmp_path / "codes", TARGET.upper() + "/sign-in")
    assert [ledger.next_code(SECRET, NOW + 5).wait for ledger in (here, there, same)] == [0.0, 0.0, 25.0]


def test_one_secret_is_one_account_however_it_is_spelled(tmp_path):
    ledger, other = CodeLedger(tmp_path / "codes", TARGET), CodeLedger(tmp_path / "codes", TARGET)
    ledger.next_code(SECRET, NOW)
    assert other.next_code(SECRET.lower() + "=" * (-len(SECRET) % 8), NOW).wait == 30.0


def test_the_file_is_its_owners_and_holds_no_secret_and_no_plain_hash_of_one(tmp_path):
    first, second = CodeLedger(tmp_path / "a", TARGET), CodeLedger(tmp_path / "b", TARGET)
    for ledger in (first, second):
        ledger.next_code(SECRET, NOW)
    a, b = (tmp_path / name for name in "ab")
    assert a.stat().st_mode & 0o777 == 0o600
    assert SECRET.encode() not in a.read_bytes()
    slots = [{data[at : at + 16] for at in range(64, len(data), 16)} for data in (a.read_bytes(), b.read_bytes())]
    assert len(slots[0] & slots[1]) == 1, "but for the empty slot nothing is alike: each file has its own key"


def test_a_file_that_was_cut_off_or_is_something_else_is_begun_anew(tmp_path):
    path = tmp_path / "codes"
    for content in (b"", b"hello", b"\0" * 5_000_000):
        path.write_bytes(content)
        assert CodeLedger(path, TARGET).next_code(SECRET, NOW).wait == 0.0
        assert CodeLedger(path, TARGET).next_code(SECRET, NOW).wait == 30.0


def test_what_a_clock_that_was_wrong_noted_blocks_nobody_for_hours(tmp_path):
    path = tmp_path / "codes"
    CodeLedger(path, TARGET).next_code(SECRET, NOW + 86_400)
    assert CodeLedger(path, TARGET).next_code(SECRET, NOW).wait == 0.0
    assert CodeLedger(path, TARGET).next_code(SECRET, NOW).wait == 30.0


def test_more_accounts_than_fit_push_out_those_that_rested_longest(tmp_path, monkeypatch):
    monkeypatch.setattr("holdfast.kit.code_ledger._BUCKETS", 1)
    monkeypatch.setattr("holdfast.kit.code_ledger._SIZE", 64 + 64 * 16)
    path = tmp_path / "codes"
    ledger = CodeLedger(path, TARGET)
    secrets = [generated_account(2 * index).totp_secret for index in range(65)]
    for at, secret in enumerate(secrets):
        ledger.next_code(secret, NOW + 30.0 * at)
    last = NOW + 30.0 * 64
    assert CodeLedger(path, TARGET).next_code(secrets[-1], last).wait == 30.0
    assert path.stat().st_size == 64 + 64 * 16


def test_a_folder_that_cannot_be_written_leaves_a_ledger_of_ones_own(tmp_path):
    (tmp_path / "file").write_text("")
    ledger = shared_ledger(tmp_path / "file" / "below", TARGET)
    assert [ledger.next_code(SECRET, NOW).wait for _ in range(2)] == [0.0, 30.0]


def test_a_symbolic_link_in_its_place_is_not_followed(tmp_path):
    (tmp_path / "precious").write_text("kept")
    (tmp_path / FILE_NAME).symlink_to(tmp_path / "precious")
    shared_ledger(tmp_path, TARGET).next_code(SECRET, NOW)
    assert (tmp_path / "precious").read_text() == "kept"


def test_whoever_keeps_the_lock_forever_stops_nobody(tmp_path, monkeypatch):
    monkeypatch.setattr("holdfast.kit.code_ledger._PATIENCE_SECONDS", 0.0)
    ledger = CodeLedger(tmp_path / "codes", TARGET)
    held = os.open(tmp_path / "codes", os.O_RDWR)
    try:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert [ledger.next_code(SECRET, NOW).wait for _ in range(2)] == [0.0, 30.0], "it remembers for itself"
    finally:
        os.close(held)
    assert CodeLedger(tmp_path / "codes", TARGET).next_code(SECRET, NOW).wait == 0.0


def test_who_watches_hears_of_every_wait():
    heard = []
    ledger = StepLedger().watched(heard.append)
    for _ in range(3):
        ledger.next_code(SECRET, NOW + 5)
    assert heard == [25.0, 55.0]


def _take(folder, count, found):
    ledger = shared_ledger(folder, TARGET)
    found.put([ledger.next_code(secret, NOW).code for _ in range(count) for secret in (SECRET, OTHER)])


def test_processes_that_ask_at_once_get_each_code_once(tmp_path):
    context = multiprocessing.get_context("spawn")
    found = context.Queue()
    processes = [context.Process(target=_take, args=(tmp_path, 4, found)) for _ in range(4)]
    for process in processes:
        process.start()
    codes = [code for _ in processes for code in found.get(timeout=60)]
    for process in processes:
        process.join(60)
    steps = {code_at(secret, NOW + 30 * step) for secret in (SECRET, OTHER) for step in range(16)}
    assert sorted(codes) == sorted(steps)
