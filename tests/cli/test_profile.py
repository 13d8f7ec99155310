"""`holdfast profile`: drawn before it runs, and made from a log."""

import json
import os
from pathlib import Path

import pytest

from holdfast.workspace.workspace import find_workspace, load_profile

GOLDEN = Path(__file__).resolve().parents[1] / "data/profile/spike.txt"
SECRETS = ("bob", "10.1.2.3", "token", "Mozilla")
LINE = '10.1.2.3 - bob [03/Mar/2026:09:{minute:02d}:00 +0000] "GET {path}?token=1 HTTP/1.1" 200 12 "-" "Mozilla"\n'


def test_golden_a_spike_in_eighty_columns(workspace, holdfast) -> None:
    ran = holdfast("profile", "plot", "spike")
    assert ran.code == 0
    if os.environ.get("HOLDFAST_GOLDEN") == "write":
        GOLDEN.write_text(ran.out, encoding="utf-8")
    assert ran.out == GOLDEN.read_text(encoding="utf-8")
    assert max(len(line) for line in ran.out.splitlines()[1:]) <= 80


@pytest.mark.parametrize("name", ["smoke", "business_hours", "breakpoint", "peak_day", "soak", "month_end_billing"])
def test_every_profile_that_ships_can_be_drawn(workspace, holdfast, name) -> None:
    ran = holdfast("profile", "plot", name)
    assert ran.code == 0, ran.err
    assert max(len(line) for line in ran.out.splitlines()[1:]) <= 80


def test_the_facts_are_there_for_scripts_and_add_up(workspace, holdfast) -> None:
    ran = holdfast("profile", "plot", "peak_day", "--json", "--scale", "0.5", "--for", "5m", "--seed", "3")
    shape = json.loads(ran.out)
    assert shape["duration"] == 300
    assert shape["expected"] == pytest.approx(4500)
    assert sum(shape["rate"]) == pytest.approx(4500)
    assert len(shape["drawn"]) == 300
    assert sum(shape["mix"].values()) == pytest.approx(1)


def test_a_picture_is_a_png(workspace, holdfast) -> None:
    ran = holdfast("profile", "plot", "month_end_billing", "--png", "m.png")
    assert ran.code == 0
    assert (workspace / "m.png").read_bytes().startswith(b"\x89PNG")


def test_a_closed_model_is_told_in_words(workspace, holdfast) -> None:
    text = "kind: LoadProfile\ndescription: x\nvirtual_users: 7\nthink_time: 2s\nmix: {sign_in: 1}\n"
    (workspace / "scenarios/profiles/closed.yaml").write_text(text, encoding="utf-8")
    assert "7 virtual users" in holdfast("profile", "plot", "closed").out
    ran = holdfast("profile", "plot", "closed", "--png", "x.png")
    assert ran.code == 2
    assert "closed model" in ran.err


def log_in(workspace: Path) -> Path:
    paths = ["/sign-in", "/sign-in", "/v2/invoices/7", "/password/reset", "/static/app.css", "/nowhere"]
    lines = [LINE.format(minute=minute, path=path) for minute in range(60) for path in paths]
    path = workspace / "access.log"
    path.write_text("rubbish\n" + "".join(lines), encoding="utf-8")
    return path


def test_a_log_becomes_a_profile_that_says_nothing_of_anybody(workspace, holdfast) -> None:
    ran = holdfast("profile", "from-log", str(log_in(workspace)), "--name", "march", "--compress-to", "10m")
    assert ran.code == 0, ran.err
    assert "of no scenario, and left out: 120 lines" in ran.err
    assert "1 line could not be read" in ran.err
    profile, _, problems = load_profile(find_workspace(workspace), "march")
    assert problems == []
    assert profile is not None
    assert profile.mix == {"sign_in": 120, "billing_inquiry": 60, "password_reset": 60}
    assert profile.seconds == pytest.approx(600)
    made = "".join((workspace / f"scenarios/profiles/march.{end}").read_text("utf-8") for end in ("yaml", "csv"))
    assert not any(secret in made for secret in SECRETS)
    assert holdfast("profile", "plot", "march").code == 0


def test_what_a_compressed_log_adds_up_to_is_said(workspace, holdfast) -> None:
    lines = [f"{1_772_528_400 + 240 * n},sign_in" for n in range(360)]
    (workspace / "day.csv").write_text("timestamp,scenario\n" + "\n".join(lines), "utf-8")
    ran = holdfast("profile", "from-log", "day.csv", "--name", "day", "--compress-to", "16m")
    assert "it plays about 4 arrivals, and fewer than 59 prove not even 95 %" in ran.err
    assert "holdfast load day --scale 15" in ran.err
    ran = holdfast("profile", "from-log", "day.csv", "--name", "day", "--force")
    assert "it plays about 360 arrivals\n" in ran.err
    assert "--scale" not in ran.err
    ran = holdfast("profile", "from-log", "day.csv", "--name", "day", "--force", "--json")
    assert json.loads(ran.out)["arrivals"] == pytest.approx(360, abs=3)


def test_requests_of_one_visit_are_not_visits(workspace, holdfast) -> None:
    log = str(log_in(workspace))
    peaks = [
        json.loads(holdfast("profile", "from-log", log, "--json", "--force", "--per-visit", each).out)["peak"]
        for each in ("1", "4")
    ]
    assert peaks[0] == pytest.approx(4 * peaks[1])


def test_tickets_give_the_mix_alone(workspace, holdfast) -> None:
    (workspace / "t.csv").write_text("topic,count\nForgot password,40\nWrong bill,100\nmoved house,3\n", "utf-8")
    ran = holdfast("profile", "from-log", "t.csv", "--name", "tickets")
    assert ran.code == 0
    assert "of no scenario, and left out: 3 tickets" in ran.err
    profile, _, problems = load_profile(find_workspace(workspace), "tickets")
    assert problems == []
    assert profile is not None
    assert profile.mix == {"billing_inquiry": 100, "password_reset": 40}


def test_a_long_and_busy_log_makes_a_profile_that_can_be_read(workspace, holdfast) -> None:
    lines = [f"{1_772_528_400 + 86_400 * day},sign_in" for day in range(40)]
    (workspace / "long.csv").write_text("timestamp,scenario\n" + "\n".join(lines), "utf-8")
    assert holdfast("profile", "from-log", "long.csv", "--name", "long").code == 0
    (workspace / "t.csv").write_text("topic,count\nbill,2000000\nlogin,1234567.5\n", "utf-8")
    assert holdfast("profile", "from-log", "t.csv", "--name", "many").code == 0
    for name in ("long", "many"):
        assert load_profile(find_workspace(workspace), name)[2] == []


def test_rules_of_ones_own_go_before_guesses(workspace, holdfast) -> None:
    (workspace / "rules.yaml").write_text("rules:\n  plan_change: ['^/nowhere$']\n", encoding="utf-8")
    ran = holdfast("profile", "from-log", str(log_in(workspace)), "--map", "rules.yaml", "--json")
    assert json.loads(ran.out)["mix"] == {"plan_change": 60}


def test_all_that_is_wrong_with_rules_is_told_at_once(workspace, holdfast) -> None:
    (workspace / "rules.yaml").write_text("rules:\n  sign_in: ['(']\n  nothing: [x]\n", encoding="utf-8")
    ran = holdfast("profile", "from-log", str(log_in(workspace)), "--map", "rules.yaml")
    assert ran.code == 2
    assert "rules.yaml:2  rules.sign_in[0]" in ran.err
    assert 'there is no scenario "nothing"' in ran.err


def test_nothing_is_overwritten_unless_told(workspace, holdfast) -> None:
    before = (workspace / "scenarios/profiles/smoke.yaml").read_text("utf-8")
    ran = holdfast("profile", "from-log", str(log_in(workspace)), "--name", "smoke")
    assert ran.code == 2
    assert "is there already" in ran.err
    assert (workspace / "scenarios/profiles/smoke.yaml").read_text("utf-8") == before


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("plot", "smok"), 'did you mean "smoke"?'),
        (("plot", "soak", "--scale", "1000"), "more than can be drawn"),
        (("plot", "smoke", "--for", "5"), "is not a duration"),
        (("plot", "smoke", "--scale", "0"), "--scale"),
        (("plot", "smoke", "--png", "no/such/folder/x.png"), "cannot be written"),
        (("from-log", "gone.log"), "does not exist"),
        (("from-log", "holdfast.yaml"), "no two moments"),
        (("from-log", "holdfast.yaml", "--name", "../x"), "is not a name"),
    ],
)
def test_wrong_input_is_one_message_and_exit_2(workspace, holdfast, arguments, told) -> None:
    ran = holdfast("profile", *arguments)
    assert ran.code == 2
    assert told in ran.err
    assert "Traceback" not in ran.err
