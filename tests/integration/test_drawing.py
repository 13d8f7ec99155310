"""What tests draw: the same every time, unless a seed asks for other examples."""

import os
import random
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PLUGINS = ("-p", "tests.conftest", "-p", "no:cacheprovider")
DRAWN = """
import random
from hypothesis import given, strategies as st
from tests.drawing import dice

@given(st.integers(0, 10**9))
def test_examples(number):
    print("drawn", number)

def test_dice():
    print("drawn", dice(3).random(), random.random())
"""


def drawn(tmp_path, *arguments, seed=""):
    (tmp_path / "test_drawn.py").write_text(DRAWN)
    environment = {**os.environ, "HOLDFAST_SEED": seed, "PYTHONPATH": str(ROOT)}
    environment.pop("PYTEST_XDIST_WORKER", None)
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-s",
        "-c",
        str(ROOT / "pyproject.toml"),
        "--rootdir",
        str(tmp_path),
    ]
    ran = subprocess.run(
        [*command, "--rootdir", str(tmp_path), *PLUGINS, *arguments, str(tmp_path / "test_drawn.py")],
        cwd=tmp_path, env=environment, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return sorted(line.lstrip(".") for line in ran.stdout.splitlines() if "drawn" in line), ran.stdout


def test_whatever_the_order_a_test_draws_the_same_examples(tmp_path):
    first, said = drawn(tmp_path, "-p", "randomly", "--randomly-seed=1")
    second, _ = drawn(tmp_path, "-p", "randomly", "--randomly-seed=2")
    assert first == second
    assert "in the order of --randomly-seed=1" in said


def test_a_seed_draws_others_and_the_same_again(tmp_path):
    fixed, _ = drawn(tmp_path)
    fresh, _ = drawn(tmp_path, "--hypothesis-seed=5", seed="5")
    again, _ = drawn(tmp_path, "--hypothesis-seed=5", seed="5")
    assert fresh == again
    assert fresh != fixed


def test_a_round_of_fuzzing_that_fails_prints_how_to_see_it_again(tmp_path):
    path = tmp_path / "test_broken.py"
    path.write_text(
        "from hypothesis import given, strategies as st\n\n\n@given(st.integers())\ndef test_small(number):\n"
        "    assert number < 1000\n"
    )
    ran = subprocess.run(
        [sys.executable, str(ROOT / "tests" / "fuzz.py"), "--minutes", "0", str(path)],
        env={**os.environ, "JOBS": "0", "PYTEST_ADDOPTS": "-p tests.conftest", "PYTHONPATH": str(ROOT)},
        cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert ran.returncode == 1, ran.stdout + ran.stderr
    assert "number=1000" in ran.stdout
    assert "reproduce_failure" in ran.stdout
    assert "fails; again: " in ran.stdout


def test_the_dice_of_a_round_differ_by_test(monkeypatch):
    from tests import drawing

    monkeypatch.setattr(drawing, "SEED", "7")
    assert drawing.dice(1).random() != drawing.dice(2).random()
    assert drawing.dice(1).random() != random.Random(1).random()
