import subprocess
import sys
from pathlib import Path

import pytest

from holdfast.kit.adapter import operations
from holdfast.kit.service import ATTACKS
from holdfast.load.scenario import check_scenario, is_attack, steps_of

GOOD = '''"""Somebody."""
from locust import task
from holdfast.load import Visitor

class LooksIn(Visitor):
    @task
    def look_in(self):
        with self.step("sign_in"):
            self.service.sign_in(self.account)
        with self.step("sign_out"):
            self.service.sign_out()
        with self.step("sign_in"):
            pass
'''


@pytest.fixture
def write(tmp_path: Path):
    def written(text, name="looks_in.py"):
        path = tmp_path / name
        path.write_text(text)
        return path

    return written


def test_a_good_file_has_no_problems(write):
    assert check_scenario(write(GOOD)) == []


def test_steps_are_named_once_in_the_order_they_are_written(write):
    assert steps_of(write(GOOD)) == ("sign_in", "sign_out")


@pytest.mark.parametrize(
    ("change", "line", "what"),
    [
        (("def look_in(self):", "def look_in(self:"), 7, "not valid Python"),
        (("(Visitor)", "(object)"), None, "defines no Visitor"),
        (("    @task\n", ""), 5, "has no @task"),
        (("    @task\n", "    def on_start(self):\n        pass\n\n    @task\n"), 6, "on_start is no part of a visit"),
        (('self.step("sign_out")', "self.step(name)"), 10, "must be written out"),
        (('self.step("sign_out")', 'self.step("sign/out")'), 10, "cannot be a step's name"),
    ],
)
def test_each_mistake_is_said_with_its_line(write, change, line, what):
    path = write(GOOD.replace(*change))
    (problem,) = check_scenario(path)
    assert what in problem.what
    assert problem.where == (f"{path}:{line}" if line else str(path))


def test_several_visitors_in_a_file_are_refused(write):
    path = write(GOOD + "\n\nclass Another(LooksIn):\n    @task\n    def other(self):\n        pass\n")
    (problem,) = check_scenario(path)
    assert "several visitors: LooksIn, Another" in problem.what


def test_an_abstract_visitor_is_only_a_base(write):
    base = "class Base(Visitor):\n    abstract = True\n\nclass LooksIn(Base):"
    assert check_scenario(write(GOOD.replace("class LooksIn(Visitor):", base))) == []


def test_a_file_that_is_not_there_is_a_problem_not_a_traceback(tmp_path):
    assert "cannot be read" in check_scenario(tmp_path / "gone.py")[0].what


def test_all_mistakes_of_a_file_are_said_at_once(write):
    path = write(GOOD.replace("    @task\n", "").replace('step("sign_in")', 'step("")'))
    assert len(check_scenario(path)) == 3


def test_reading_scenarios_imports_neither_locust_nor_gevent():
    code = (
        "import sys, holdfast.load, holdfast.load.arrivals, holdfast.load.scenario, holdfast.load.health\n"
        "sys.exit(bool({'locust', 'gevent'} & sys.modules.keys()))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, env={"PYTHONPATH": "src"}).returncode == 0


@pytest.mark.parametrize(
    ("line", "attack"),
    [("attack = True", True), ("attack: bool = True", True), ("attack = False", False), ("mfa = True", False)],
)
def test_an_attack_says_so_in_its_class(write, line, attack):
    path = write(GOOD.replace("    @task\n", f"    {line}\n\n    @task\n"))
    assert (is_attack(path), check_scenario(path)) == (attack, [])


@pytest.mark.parametrize("line", ["attack = bool(1)", "attack = not False", "attack: bool = 1 > 0"])
def test_an_attack_that_cannot_be_read_is_refused(write, line):
    (problem,) = check_scenario(write(GOOD.replace("    @task\n", f"    {line}\n\n    @task\n")))
    assert "must be written out" in problem.what


@pytest.mark.parametrize("line", ["LooksIn.attack = False", "attack = 1"])
def test_an_attack_that_is_set_behind_the_class_is_refused(write, line):
    assert "must be written out" in check_scenario(write(f"{GOOD}\n{line}\n"))[0].what


@pytest.mark.parametrize("operation", ["guess_password", "probe_password_reset"])
@pytest.mark.parametrize("said", ["", "    attack = False\n\n"])
@pytest.mark.parametrize(
    "used",
    [
        'self.service.{}("a@b")',
        's = self.service; s.{}("a@b")',
        'getattr(self.service, "{}")("a@b")',
        "guess = self.service.{}",
    ],
)
def test_an_operation_of_attackers_in_what_is_not_said_to_be_an_attack_is_refused(write, operation, said, used):
    text = GOOD.replace("            pass\n", f"            {used.format(operation)}\n" * 2)
    path = write(text.replace("    @task\n", f"{said}    @task\n"))
    (problem,) = check_scenario(path)
    assert problem.where == f"{path}:{15 if said else 13}"
    assert operation in problem.what
    assert "attack = True" in problem.fix
    assert check_scenario(write(text.replace("    @task\n", "    attack = True\n\n    @task\n"))) == []


def test_each_operation_of_attackers_is_told(write):
    both = "self.service.probe_password_reset('a'); self.service.guess_password('a', 'b')"
    problems = check_scenario(write(GOOD.replace("            pass\n", f"            {both}\n")))
    assert [problem.what.split()[0] for problem in problems] == ["probe_password_reset", "guess_password"]


def test_the_operations_of_attackers_are_operations():
    assert set(ATTACKS) <= set(operations())


def test_a_file_that_cannot_be_parsed_is_no_attack_and_a_problem(write):
    assert not is_attack(write("class ("))


def test_a_fault_that_is_in_no_line_is_told_of_the_file(write):
    path = write(GOOD + "\x00")
    (problem,) = check_scenario(path)
    assert problem.where.removeprefix(str(path)) in {"", ":13"}  # which depends on the version of Python
