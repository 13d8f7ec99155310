"""Error-budget policies: what may be written, and everything that is wrong with one told at once."""

import json
from pathlib import Path

import jsonschema
import pytest
import yaml

from holdfast.slo.moment import moment, moment_text, stretch
from holdfast.slo.policy import load_policies, policy_schema, policy_warnings
from holdfast.workspace.document import load_documents

ROOT = Path(__file__).resolve().parents[2]
SLO = """\
apiVersion: openslo/v1
kind: SLO
metadata: {name: sign-in}
spec: {service: account, objectives: [{target: 0.99}]}
"""
POLICY = {
    "kind": "ErrorBudgetPolicy",
    "name": "account",
    "description": "For a test.",
    "decider": "head of engineering",
    "escalation": [{"to": "on call", "after": "0s", "by": "page"}, {"to": "head", "after": "1d", "by": "phone"}],
    "runbook": "docs/runbooks/error-budget.md",
    "tiers": [
        {
            "name": "careful",
            "entry": {"remaining_at_most": 0.5, "burning": [{"at_least": 6, "over": "6h"}]},
            "exit": {"remaining_at_least": 0.6, "held_for": "1d"},
            "decision": "review",
            "consequence": "Look twice.",
            "exempt": ["security"],
        },
        {
            "name": "frozen",
            "entry": {"exhausted": True},
            "exit": {"remaining_at_least": 0.1, "actions": ["postmortem"]},
            "decision": "freeze",
            "consequence": "Work on reliability.",
            "exempt": ["security", "p0"],
        },
    ],
    "insufficient_data": {"decision": "block", "stale_after": "1h"},
}


@pytest.fixture
def loaded(tmp_path):
    def load(policy, *more):
        path = tmp_path / "policy.yaml"
        path.write_text("---\n".join([SLO, yaml.safe_dump(policy), *(yaml.safe_dump(each) for each in more)]))
        documents, problems = load_documents(path)
        assert problems == []
        return load_policies(documents)

    return load


def changed(*place, to):
    """The policy with one property written otherwise; `to` None: left out."""
    policy = json.loads(json.dumps(POLICY))
    at = policy
    for part in place[:-1]:
        at = at[part] if isinstance(at, list) else at.setdefault(part, {})
    if to is None:
        del at[place[-1]]
    else:
        at[place[-1]] = to
    return policy


def test_a_sound_policy_has_no_problem(loaded):
    (policy,), problems = loaded(POLICY)

    assert problems == []
    assert [tier.name for tier in policy.terms.tiers] == ["careful", "frozen"]
    assert policy.terms.insufficient_data.stale_after == 3600
    assert policy.terms.covers_objective("sign-in", "account")


@pytest.mark.parametrize(
    ("place", "to", "where", "what", "fix"),
    [
        (("tears",), [], "tears", 'unknown key "tears"', 'did you mean "tiers"?'),
        (("tiers", 0, "entry", "remaning_at_most"), 0.2, "remaning_at_most", "unknown key", "remaining_at_most"),
        (("decider",), None, "", '"decider" is missing', "add it"),
        (("decider",), " ", "decider", "is empty", ""),
        (("tiers",), [], "tiers", "too few entries", "at least 1"),
        (("escalation",), [], "escalation", "too few entries", "at least 1"),
        (("tiers", 0, "decision"), "stop", "tiers[0].decision", "'stop' is not known here", "'freeze'"),
        (("tiers", 0, "entry"), {}, "tiers[0].entry", "no condition", "remaining_at_most"),
        (("tiers", 0, "exit"), {}, "tiers[0].exit", '"remaining_at_least" is missing', "more than 0.5"),
        (("tiers", 0, "exit", "remaining_at_least"), 0.5, "exit.remaining_at_least", "left at 0.5", "flaps"),
        (("tiers", 0, "exit", "held_for"), None, "tiers[0].exit", '"held_for" is missing', "flaps"),
        (("tiers", 1, "entry", "remaining_at_most"), 0.0, "entry.exhausted", "another limit", "keep one"),
        (("tiers", 1, "entry"), {"remaining_at_most": 0.5}, "[1].entry.remaining_at_most", "no later", "severe"),
        (("tiers", 0, "decision"), "freeze", None, None, None),
        (("tiers", 1, "decision"), "allow", "tiers[1].decision", "after a tier that does more", "mild to severe"),
        (("tiers", 1, "name"), "careful", "tiers[1].name", 'a second tier "careful"', "of its own"),
        (("tiers", 0, "exempt"), ["securty"], "exempt[0]", 'no kind of change "securty"', 'mean "security"'),
        (("tiers", 0, "entry", "burning", 0, "over"), "6", "over", "is not a duration", ""),
        (("tiers", 0, "entry", "burning", 0, "at_least"), 0, "at_least", "is too small", "more than 0"),
        (("tiers", 0, "entry", "burning", 0, "at_least"), "6", "at_least", "is not a number", ""),
        (("escalation", 1, "after"), "0s", None, None, None),
        (("escalation", 0, "after"), "2d", "escalation[1].after", "before the step above", "in order"),
        (("insufficient_data", "decision"), "shrug", "insufficient_data.decision", "not known", "'ask'"),
        (("covers",), {"objectives": ["signin"]}, "covers.objectives[0]", 'no objective "signin"', '"sign-in"'),
        (("covers",), {"services": ["acount"]}, "covers.services[0]", 'no service "acount"', '"account"'),
        (("waivers",), [{"owner": "me", "reason": "r"}], "waivers[0]", '"expires" is missing', "add it"),
        (
            ("waivers",),
            [{"owner": "me", "reason": "r", "expires": "2026-12-01T10:00:00"}],
            "waivers[0].expires",
            "no offset",
            "",
        ),
        (
            ("waivers",),
            [{"owner": "me", "reason": "r", "expires": "2026-12-01", "tiers": ["frosen"], "objectives": ["x"]}],
            "waivers[0].tiers[0]",
            'no tier "frosen"',
            '"frozen"',
        ),
        (
            ("exclusions",),
            [{"reason": "r", "evidence": "INC-1", "from": "2026-11-02", "until": "2026-11-01"}],
            "exclusions[0].until",
            "ends before it begins",
            "later",
        ),
        (
            ("exclusions",),
            [{"reason": "r", "from": "2026-11-02", "until": "2026-11-03"}],
            "exclusions[0]",
            '"evidence" is missing',
            "add it",
        ),
        (
            ("acknowledged",),
            [{"action": "postmortm", "by": "me", "on": "2026-11-02"}],
            "acknowledged[0].action",
            'no action of a tier\'s exit "postmortm"',
            '"postmortem"',
        ),
    ],
)
def test_what_is_wrong_is_told_with_its_place_and_what_to_do(loaded, place, to, where, what, fix):
    _, problems = loaded(changed(*place, to=to))

    if where is None:
        assert problems == []
        return
    (first, *_) = [problem for problem in problems if what in problem.what]
    assert "policy.yaml:" in first.where
    assert where in first.where
    assert fix in f"{first.what} {first.fix}"


def test_all_problems_are_told_at_once(loaded):
    policy = changed("tiers", 0, "exempt", to=["securty"])
    policy["covers"] = {"objectives": ["signin"]}
    policy["incident_pause"] = "soon"
    policy["exclusions"] = [{"reason": "r", "evidence": "e", "from": "2026-11-02", "until": "2026-11-01"}]

    _, problems = loaded(policy)

    assert len(problems) == 4


def test_two_policies_of_one_name_are_a_problem(loaded):
    _, problems = loaded(POLICY, POLICY)

    assert ['a second policy "account"' in problem.what for problem in problems] == [True]


def test_a_waiver_that_is_over_is_a_warning_from_its_first_moment_on(loaded):
    (policy,), problems = loaded(changed("waivers", to=[{"owner": "me", "reason": "r", "expires": "2026-11-20"}]))

    assert problems == []
    assert policy_warnings(policy, moment("2026-11-20") - 1) == ()
    (warning,) = policy_warnings(policy, moment("2026-11-20"))
    assert "the waiver of me expired at 2026-11-20 00:00 UTC" in warning.what
    assert "waivers[0].expires" in warning.where


def test_a_policy_without_lists_covers_everything_and_one_with_them_only_these(loaded):
    (policy,), _ = loaded(changed("covers", to={"objectives": ["sign-in"]}))

    assert policy.terms.covers_objective("sign-in", "other")
    assert not policy.terms.covers_objective("billing", "account")


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("2026-11-20", "2026-11-20 00:00 UTC", "2026-11-21 00:00 UTC"),
        ("2026-11-20T10:30:00Z", "2026-11-20 10:30 UTC", "2026-11-20 10:30 UTC"),
        ("2026-11-20T10:30:00+02:00", "2026-11-20 08:30 UTC", "2026-11-20 08:30 UTC"),
    ],
)
def test_a_date_is_its_whole_day_and_a_moment_itself(text, start, end):
    assert (moment_text(stretch(text).start), moment_text(stretch(text).end)) == (start, end)


@pytest.mark.parametrize("text", ["tomorrow", "2026-13-01", "", "2026-11-20 10:30", 20261120, None])
def test_what_is_no_moment_is_refused(text):
    with pytest.raises(ValueError, match="write a date"):
        moment(text)


def test_the_schema_takes_what_the_loader_takes_and_refuses_unknown_keys():
    schema = policy_schema()
    ((shipped,), _) = load_documents(ROOT / "slo/error_budget_policy.yaml")

    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(shipped.data, schema)
    jsonschema.validate(POLICY, schema)
    for place, to in (
        (("tears",), 1),
        (("tiers", 0, "decision"), "stop"),
        (("insufficient_data", "stale_after"), 3600),
        (("tiers", 0, "entry", "remaining_at_most"), "half"),
    ):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(changed(*place, to=to), schema)


def test_the_shipped_policy_is_valid_with_the_shipped_objectives():
    documents = [
        d for name in ("self_service", "error_budget_policy") for d in load_documents(ROOT / f"slo/{name}.yaml")[0]
    ]

    policies, problems = load_policies(documents)

    assert problems == []
    assert [policy.name for policy in policies] == ["self-service"]
    assert (ROOT / policies[0].terms.runbook).is_file()
