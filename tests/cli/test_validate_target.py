"""`holdfast validate --target` where nothing may or can be asked: one message each, exit 2, nothing sent."""

import pytest

FAR = "targets: {far: {url: https://account.example, accounts: {file: a.csv}}}\ndefault_target: far\n"
BARE = "targets:\n  mine: {url: http://127.0.0.1:%d, adapter: adapters/mine.py}\ndefault_target: mine\n"


@pytest.mark.parametrize("given", [("--target",), ("--target", "far"), ("--target", "--json")])
def test_a_far_target_is_refused(workspace, holdfast, given):
    (workspace / "holdfast.yaml").write_text(FAR, encoding="utf-8")
    ran = holdfast("validate", *given)
    assert ran.code == 2
    assert "account.example is not this machine, and holdfast.yaml does not allow it" in ran.err


def test_a_target_that_is_not_there_lacks_accounts_and_an_adapter_is_told_all_at_once(
    workspace, holdfast, unused_tcp_port
):
    (workspace / "holdfast.yaml").write_text(BARE % unused_tcp_port, encoding="utf-8")
    ran = holdfast("validate", "--target")
    assert ran.code == 2
    for told in ("does not answer", "there is no file adapters/mine.py", "target mine names no test accounts"):
        assert told in ran.err
    assert ran.err.count("error ") == 3


def test_a_target_of_another_name_is_told_with_the_known_ones(workspace, holdfast):
    ran = holdfast("validate", "--target", "referense")
    assert ran.code == 2
    assert 'did you mean "reference"?' in ran.err


def test_destructive_belongs_to_a_target(workspace, holdfast):
    ran = holdfast("validate", "--destructive")
    assert (ran.code, "--destructive: belongs to --target" in ran.err) == (2, True)


def test_a_scenario_that_asks_for_what_no_adapter_has_is_told_with_its_line(workspace, holdfast):
    path = workspace / "scenarios/sign_in.py"
    text = path.read_text(encoding="utf-8").replace("service.sign_out", "service.sing_out")
    path.write_text(text, encoding="utf-8")
    ran = holdfast("load", "smoke")
    assert ran.code == 2
    line = text.split("service.sing_out")[0].count("\n") + 1
    assert f"scenarios/sign_in.py:{line}: needs sing_out, which the reference stack's adapter does not offer" in ran.err
    assert 'did you mean "sign_out"?' in ran.err
