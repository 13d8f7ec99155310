"""What each worker is given: enough seats, and nothing to be played but the run's own files."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.errors import InputError
from holdfast.load.job import Job
from holdfast.load.parts import own_job, part_of, seats_of

FILES = ("scenarios/sign_in.py", "adapters/acme.py", "accounts.csv", "ca.pem")
PROFILES = st.lists(
    st.tuples(st.integers(30, 90), st.none() | st.integers(0, 500), st.floats(0.0, 3.0), st.booleans()),
    min_size=1,
    max_size=4,
)


def job_of(root, *profiles):
    """Profiles: (at_most, virtual_users, scale, whether there are stages)."""
    return {
        "seed": 7,
        "duration": 5.0,
        "workspace": str(root),
        "target": {
            "url": "http://127.0.0.1:1",
            "control_token": "secret",
            "adapter": "adapters/acme.py",
            "accounts": {"file": str(root / "accounts.csv")},
            "tls": {"verify": True, "ca_file": str(root / "ca.pem")},
        },
        "scenarios": {"sign_in": str(root / "scenarios/sign_in.py")},
        "accounts": {"first": 10, "count": 100},
        "load": [
            {
                "name": f"p{index}",
                "scale": scale,
                "start": 0.0,
                "end": 5.0,
                "profile": {
                    "stages": [{"from": 1, "to": 1, "seconds": 5}] if staged or virtual_users is None else [],
                    "mix": {"sign_in": 1},
                    "at_most": at_most,
                    "virtual_users": virtual_users,
                },
            }
            for index, (at_most, virtual_users, scale, staged) in enumerate(profiles)
        ],
    }


def workspace(root: Path):
    for name in FILES:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(name, encoding="utf-8")
    return root


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return workspace(tmp_path_factory.mktemp("run"))


@pytest.fixture
def elsewhere(tmp_path):
    return workspace(tmp_path)


def jobs(root, profiles, of):
    job = job_of(root, *profiles)
    return [Job.of(own_job(part_of(job, index, of), root, 0.0)) for index in range(of)]


@settings(max_examples=60, deadline=None)
@given(PROFILES, st.integers(1, 9))
def test_the_seats_suffice_for_every_worker_whatever_is_divided(root, profiles, of):
    needs = [job.visitors for job in jobs(root, profiles, of)]
    assert seats_of(needs) % of == 0
    assert all(need <= seats_of(needs) // of for need in needs)


def test_the_profiles_whose_sum_divides_otherwise_than_its_parts(root):
    needs = [job.visitors for job in jobs(root, [(20, None, 1.0, True), (30, 400, 1.0, False)], 3)]
    assert (needs, seats_of(needs)) == ([141, 140, 139], 423)  # 420 // 3 is one too few for the first


def test_a_part_holds_no_secret_and_no_file(root):
    part = part_of(job_of(root, (30, None, 1.0, True)), 1, 4)
    assert "secret" not in str(part)
    assert part["accounts"] == {"first": 35, "count": 25}
    target = part["target"]
    files = (part["scenarios"]["sign_in"], part["adapter"], target["accounts"]["file"], target["tls"]["ca_file"])
    assert tuple(file["path"] for file in files) == FILES
    assert all(set(file) == {"path", "sha256"} for file in files)


def test_a_worker_with_the_same_files_plays_its_own(root, elsewhere):
    part = part_of(job_of(root, (30, None, 1.0, True)), 0, 1)
    job = own_job(part, elsewhere, 5.0)
    assert job["anchor"] == 5.0
    assert job["target"]["accounts"] == {"file": str(elsewhere / "accounts.csv")}
    assert job["target"]["tls"] == {"verify": True, "ca_file": str(elsewhere / "ca.pem")}
    assert job["target"]["adapter"] == str(elsewhere / "adapters/acme.py")


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_differs_or_is_missing_is_named(root, elsewhere, name):
    part = part_of(job_of(root, (30, None, 1.0, True)), 0, 1)
    (elsewhere / name).write_text("another")
    with pytest.raises(InputError, match=f"{name}: a worker's differs") as raised:
        own_job(part, elsewhere, 0.0)
    assert len(raised.value.problems) == 1
    (elsewhere / name).unlink()
    with pytest.raises(InputError, match=f"{name}: a worker cannot read it"):
        own_job(part, elsewhere, 0.0)


def test_every_file_that_differs_is_told_at_once(root, elsewhere):
    part = part_of(job_of(root, (30, None, 1.0, True)), 0, 1)
    for name in FILES:
        (elsewhere / name).write_text("another")
    with pytest.raises(InputError) as raised:
        own_job(part, elsewhere, 0.0)
    assert len(raised.value.problems) == len(FILES)
