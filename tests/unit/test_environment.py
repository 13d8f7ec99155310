"""What processes that we start see of our environment."""

import pytest

from holdfast.environment import OWN_SECRETS, for_a_browser, for_a_program, for_authors, for_our_python
from holdfast.run.secrets import environment_of_authors, named_by_experiments, named_by_sources

USUAL = {"PATH": "/bin", "HOME": "/home/me", "LANG": "C.UTF-8", "LC_TIME": "C", "TZ": "UTC", "TMPDIR": "/var/mine"}
SECRETS = {
    "PROM_TOKEN": "canary", "AWS_SECRET_ACCESS_KEY": "canary", "DATABASE_URL": "canary", "CI_JOB_TOKEN": "canary",
    "PGPASSWORD": "canary", "PGOPTIONS": "canary", "NODE_AUTH_TOKEN": "canary", "LC_TOKEN": "canary",
    "https_proxy": "http://me:canary@proxy", "PYTHON_REGISTRY_PASSWORD": "canary",
} | dict.fromkeys(OWN_SECRETS, "canary")  # fmt: skip


@pytest.mark.parametrize("made", [for_a_program, for_our_python, for_a_browser])
def test_a_process_of_ours_sees_what_it_needs_and_no_secret(made):
    told = made(USUAL | SECRETS)

    assert told == USUAL


def test_python_finds_its_modules_and_a_browser_its_screen():
    python = {"PYTHONPATH": "/x", "VIRTUAL_ENV": "/v", "COVERAGE_PROCESS_START": "rc", "SSL_CERT_FILE": "/ca.pem"}
    browser = {"DISPLAY": ":0", "PLAYWRIGHT_BROWSERS_PATH": "/b"}

    assert for_our_python(USUAL | python | browser) == USUAL | python
    assert for_a_browser(USUAL | python | browser) == USUAL | browser | {"SSL_CERT_FILE": "/ca.pem"}
    assert for_a_program(USUAL | python | browser) == USUAL


def test_authors_see_their_own_secrets_and_not_those_of_others():
    told = for_authors(USUAL | SECRETS, others=["PROM_TOKEN"])

    assert set(SECRETS) - set(told) == {"PROM_TOKEN", *OWN_SECRETS}


SOURCE = """
apiVersion: openslo/v1
kind: DataSource
metadata: {name: production}
spec:
  type: Prometheus
  connectionDetails: {url: "https://prometheus.example", tokenEnv: PROM_TOKEN, userEnv: PROM_USER}
---
apiVersion: openslo/v1
kind: SLI
metadata: {name: ratio}
spec:
  ratioMetric:
    good: {metricSource: {type: Prometheus, connectionDetails: {passwordEnv: PROM_OTHER}, spec: {query: up}}}
"""
EXPERIMENT = """
configuration:
  hold: {type: env, key: HOLDFAST_HOLD, default: 20}
secrets:
  billing: {key: {type: env, key: BILLING_KEY}}
  metrics: {token: {type: env, key: PROM_TOKEN}, file: {type: file, path: x}}
"""


def test_definitions_name_the_secrets_of_sources_and_experiments(tmp_path):
    (tmp_path / "slo" / "production").mkdir(parents=True)
    (tmp_path / "slo" / "production" / "source.yaml").write_text(SOURCE)
    experiment = tmp_path / "kill.yaml"
    experiment.write_text(EXPERIMENT)

    assert named_by_sources(tmp_path / "slo") == {"PROM_TOKEN", "PROM_USER", "PROM_OTHER"}
    assert named_by_sources(tmp_path / "none") == frozenset()
    assert named_by_experiments([experiment]) == {"HOLDFAST_HOLD", "BILLING_KEY", "PROM_TOKEN"}

    ours = dict.fromkeys(("PROM_TOKEN", "PROM_USER", "BILLING_KEY"), "secret")
    assert environment_of_authors(tmp_path, environment=ours) == {"BILLING_KEY": "secret"}
    assert set(environment_of_authors(tmp_path, [experiment], ours)) == {"BILLING_KEY", "PROM_TOKEN"}


def test_a_definition_that_cannot_be_read_names_nothing_here(tmp_path):
    (tmp_path / "broken.yaml").write_text("kind: [")

    assert named_by_sources(tmp_path) == frozenset()
