"""How the stack's processes died: what an experiment killed is no death, and PostgreSQL's own are read from its log."""

from pathlib import Path

import pytest

from holdfast.reference.deaths import Death, Deaths, PostgresLog, how_it_ended


@pytest.mark.parametrize(
    ("code", "how"),
    [(-9, "was killed by SIGKILL"), (-99, "was killed by signal 99"), (1, "ended with exit code 1")],
)
def test_an_end_is_told_by_its_signal_or_its_exit_code(code, how):
    assert how_it_ended(code) == how


def test_only_the_newest_deaths_are_kept():
    deaths = Deaths()
    for at in range(150):
        deaths.add(Death(float(at), "valkey", ""))

    assert [death.at for death in deaths] == list(map(float, range(50, 150)))


KILLED = "1789123456.123 [42] LOG:  client backend (PID 57) was terminated by signal 9: Killed\n"


def test_postgresqls_log_says_once_that_one_of_its_own_processes_was_killed(tmp_path: Path) -> None:
    path = tmp_path / "postgres.log"
    log = PostgresLog(path)
    assert log.news() == []

    path.write_text("1789123450.1 [42] LOG:  database system is ready to accept connections\n" + KILLED[:40])
    assert log.news() == []
    with path.open("a") as file:
        file.write(KILLED[40:] + "1789123457.0 [42] LOG:  terminating any other active server processes\n")

    assert log.news() == [Death(1789123456.123, "postgres", "lost its client backend, killed by SIGKILL")]
    assert log.news() == []
