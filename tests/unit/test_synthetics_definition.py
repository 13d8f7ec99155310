"""Journey files are read, and what is wrong with them is said, without running them."""

import subprocess
import sys
from pathlib import Path

import pytest

from holdfast.errors import InputError
from holdfast.synthetics import check_journey, definition_of, find_journeys, journey, settings_of, steps_of
from holdfast.synthetics.journey import Journey

CONTENT = Path(__file__).parents[2] / "synthetics"

GOOD = '''"""Somebody does something.

And more.
"""
from holdfast.synthetics import journey

@journey(every="5m", budget="8s", owner="identity", runbook="docs/x.md")
async def walk(visit):
    async with visit.step("open"):
        await visit.page.goto("/")
    if visit.account.has_mfa:
        async with visit.step("enter code"):
            await visit.code()
'''


@pytest.fixture
def written(tmp_path):
    def write(text, name="walk"):
        path = tmp_path / f"{name}.py"
        path.write_text(text)
        return path

    return write


def whats(path):
    return [problem.what for problem in check_journey(path)]


def test_a_journey_is_known_by_its_source_alone(written):
    definition = definition_of(written(GOOD))

    assert definition.name == "walk"
    assert definition.description == "Somebody does something."
    assert definition.steps == ("open", "enter code")
    assert definition.needs_code
    assert (definition.settings.every, definition.settings.budget) == (300.0, 8.0)
    assert (definition.settings.owner, definition.settings.runbook) == ("identity", "docs/x.md")


def test_a_journey_without_codes_needs_no_second_factor(written):
    path = written(GOOD.replace("await visit.code()", "pass"))

    assert not definition_of(path).needs_code


def test_every_wrong_thing_of_a_file_is_said_at_once_with_its_line(written):
    path = written(GOOD.replace('"5m"', '"5"').replace('owner="identity", ', "").replace('"enter code"', '"open"'))

    problems = check_journey(path)

    assert [p.where.rsplit(":", 1)[1] for p in problems] == ["7", "7", "12"]
    assert "lacks owner" in problems[0].what
    assert "'5' is not a duration" in problems[1].what
    assert problems[2].what == "step 'open' is there twice"
    with pytest.raises(InputError) as raised:
        steps_of(path)
    assert len(raised.value.problems) == 3


@pytest.mark.parametrize(
    ("before", "after", "what"),
    [
        ("async def walk", "async def wander", "the journey is named wander, its file walk"),
        ("async def walk(visit)", "async def walk(visit, more)", "walk must take one argument, the visit"),
        ('"8s"', '"6m"', "its budget (6m) is longer than every (5m)"),
        ('"8s"', '"0s"', "budget must be longer than 0s"),
        ('"8s"', "TIME", "budget must be written out as a text"),
        ('owner="identity"', 'owner="identity", team="x"', "@journey has no setting 'team'"),
        (
            'owner="identity"',
            'owner="identity", expect="failed, tired"',
            "expect names 'tired', which a walk cannot expect",
        ),
        ('"open"', '"open/close"', "step 'open/close': a name must not hold a slash, which parts journey and step"),
        ('"open"', "name", 'a step needs one name, written out: visit.step("open sign-in")'),
        (
            'async with visit.step("open"):\n        await',
            'visit.step("open")\n    await',
            "a step that is not entered",
        ),
        ("@journey(", "@other(", "holds no journey"),
        ("async def walk(visit):", "async def walk(visit:", "is not Python: '(' was never closed"),
    ],
)
def test_what_is_wrong_is_named(written, before, after, what):
    assert before in GOOD

    assert what in whats(written(GOOD.replace(before, after)))


def test_a_step_outside_the_journey_is_a_problem_because_its_order_is_not_known(written):
    more = "\nasync def part(visit):\n    async with visit.step('late'):\n        pass\n"

    assert whats(written(GOOD + more)) == ["a step outside the journey's function"]


def test_two_journeys_in_one_file_are_a_problem(written):
    second = GOOD[GOOD.index("@journey") :].replace("walk", "walk_again").replace("open", "again").replace("enter", "e")

    assert "walk_again: a second journey in one file" in whats(written(GOOD + "\n" + second))


def test_a_missing_file_is_a_problem_not_a_traceback(tmp_path):
    assert len(check_journey(tmp_path / "none.py")) == 1


def test_journeys_are_found_by_the_name_of_their_file(written, tmp_path):
    written(GOOD)
    written(GOOD, "_draft")
    written(GOOD, "another")

    assert find_journeys(tmp_path) == {"another": tmp_path / "another.py", "walk": tmp_path / "walk.py"}


def test_the_decorator_makes_a_journey_of_a_coroutine_function():
    async def walk(visit):
        pass

    made = journey(every="5m", budget="8s", owner="identity", runbook="x")(walk)

    assert isinstance(made, Journey)
    assert (made.name, made.walk, made.settings.every) == ("walk", walk, 300.0)


def test_authors_and_checks_do_not_import_playwright():
    code = "import sys; from holdfast.synthetics import journey, check_journey; sys.exit('playwright' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("path", sorted(CONTENT.glob("*.py")), ids=lambda path: path.stem)
def test_the_shipped_journeys_are_right_and_say_what_they_are_for(path):
    assert check_journey(path) == []
    assert definition_of(path).description
    assert settings_of(path).budget <= 12
