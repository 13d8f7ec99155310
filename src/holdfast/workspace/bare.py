"""The smallest workspace for an API of the user's own: one file of each kind, all of them valid, none for the example.

`holdfast init --bare` writes it. `holdfast guide write-an-adapter` goes on from here.
"""

from typing import Final

ACCOUNTS: Final = "accounts.csv"  # of mode 0600, and never committed

FILES: Final = {
    "holdfast.yaml": """\
# A holdfast workspace: what may be tested, and how it is reached.
targets:
  mine:
    url: http://127.0.0.1:8000
    # allowed: true                    # without this, only this machine is ever aimed at
    adapter: adapters/mine.py          # how your API does what the scenarios ask for
    accounts: {file: accounts.csv}     # test accounts (email, password, totp_secret), mode 0600
default_target: mine
""",
    ACCOUNTS: """\
email,password,totp_secret
visitor-000001@accounts.invalid,Correct-Horse-7-Battery,
visitor-000002@accounts.invalid,Correct-Horse-7-Battery,
visitor-000003@accounts.invalid,Correct-Horse-7-Battery,
""",
    "adapters/mine.py": '''\
"""How my API does what the scenarios ask for. Try it: `holdfast validate --target`."""

from holdfast.kit.answer import Answer
from holdfast.kit.service import Profile


class Mine:
    def __init__(self, client):
        self._client = client
        self._token = ""

    def sign_in(self, account):
        asked = {"grant_type": "password", "username": account.email, "password": account.password}
        response = self._client.request("POST", "/oauth/token", form=asked, expect=(200,), name="POST token")
        self._token = Answer(response.json()).text("accessToken")

    def read_profile(self):
        headers = {"Authorization": f"Bearer {self._token}"}
        found = Answer(self._client.request("GET", "/api/me", headers=headers, expect=(200,), name="GET me").json())
        return Profile(
            email=found.text("emailAddress"),
            name=found.text("fullName"),
            phone=found.text("mobileNumber", ""),
            plan=found.inner("tariff").text("tariffId"),
            mfa=found.flag("secondFactor"),
        )


def self_service(client, inbox, clock, ledger):
    return Mine(client)
''',
    "scenarios/look_at_me.py": '''\
"""A customer who signs in and looks at the account."""

from locust import task

from holdfast.kit.outcome import failed
from holdfast.load import Visitor


class LookAtMe(Visitor):
    @task
    def look_at_me(self) -> None:
        with self.step("sign_in"):
            self.service.sign_in(self.account)
        with self.step("read_profile"):
            if self.service.read_profile().email != self.account.email:
                raise failed("another_account")
''',
    "scenarios/profiles/look_at_me.yaml": """\
kind: LoadProfile
description: Customers who look at their account.
arrivals: uniform
stages:
  - {hold: 2/s, for: 30s}
mix: {look_at_me: 1}
visitors: {at_most: 3}                 # an account is held for a whole visit, and there are three
""",
    "slo/mine.yaml": """\
apiVersion: openslo/v1
kind: SLO
metadata: {name: sign-in-availability, displayName: Sign-in works}
spec:
  description: Customers who sign in get in.
  service: mine
  indicator:
    metadata: {name: sign-in-ok}
    spec:
      ratioMetric:
        counter: true
        good: {metricSource: {type: holdfast, spec: {name: "*/sign_in", source: load}}}
        total: {metricSource: {type: holdfast, spec: {name: "*/sign_in", source: load}}}
  timeWindow: [{duration: 28d, isRolling: true}]
  budgetingMethod: Occurrences
  objectives: [{target: 0.95}]         # proving 95 % takes 59 visits without a bad one, 99 % takes 299
""",
    "plans/mine.yaml": """\
kind: Plan
description: Half a minute of customers who look at their account. Do they get in?
phases: [{name: load, for: 30s}]
load: [{profile: look_at_me}]
objectives: [slo/mine.yaml]
""",
    ".gitignore": "runs/\n.holdfast/\naccounts.csv\n",
}
