"""Canaries in every place where a secret may be, and not one of them in what a run of any kind leaves behind.

On the real reference stack, with everything that journeys, scenarios and experiments of careless authors do: quote
pages, answers, headers, cookies and accounts in whatever they raise, print and state.
"""

import json
import os
import secrets
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent, indent

import pytest
import yaml
from tests.canaries import everything_in, forms_of, leaks

from holdfast.kit.accounts import GENERATED_PASSWORD, generated_account
from holdfast.record.store import RunStore
from holdfast.workspace.starter import copy_starter

pytestmark = pytest.mark.integration

HOLDFAST = [sys.executable, "-m", "holdfast"]
OWN_ACCOUNTS = 20
FIRST_GENERATED = 600

WITH_A_CODE = ("raises_all_it_has", "makes_it_a_title")
CODE = """
await page.get_by_label("Authentication code").fill(await visit.code())
await page.get_by_role("button", name="Verify").click()
"""
# What a careless author does after signing in; `said` are the canaries, `page` stands on the account's profile.
CARELESS = {
    "expects_a_heading": """
        await page.get_by_label("Name").fill(said["name"])
        await page.get_by_label("Phone").fill(said["phone"])
        await expect(page.get_by_role("heading", name="Nowhere")).to_be_visible(timeout=700)
    """,
    "expects_a_value": 'await expect(page.get_by_label("Name")).to_have_value("other", timeout=700)',
    "expects_a_snapshot": """
        await expect(page.locator("body")).to_match_aria_snapshot('- heading "No"', timeout=700)
    """,
    "quotes_hidden_fields": """
        await page.goto("/reset-password?token=" + said["reset_token"])
        await page.locator("form input").click(timeout=700)
    """,
    "follows_a_link_with_a_token": """
        await page.goto(f"/reset/key/3-{said['path_token']}/?code={said['query_token']}#at={said['fragment']}")
        await expect(page).to_have_url("http://127.0.0.1:1/other", timeout=700)
    """,
    "runs_a_script": """
        await page.evaluate("() => { throw new Error(document.querySelector('main').outerHTML) }")
    """,
    "states_what_the_page_says": """
        raise failed("the page said " + await page.locator("input[name=name]").input_value())
    """,
    "raises_all_it_has": """
        cookies = await page.context.cookies()
        raise RuntimeError(f"cookies {cookies}, {account}, {account.password}, {dict(os.environ)}, {said}")
    """,
    "asserts_on_text": """
        found = await page.content()
        assert "Nothing" in found, f"the page said {found}"
    """,
    "encodes_it": """
        forms = [quote(account.password), base64.b64encode(account.password.encode()).decode(),
                 account.password.encode().hex(), account.password[:9] + "\\n" + account.password[9:]]
        print("signed in with", *forms, flush=True)
        raise ValueError(" ".join(forms))
    """,
    "starts_a_program": """
        talks = "import sys; print(*sys.argv); print(*sys.argv, file=sys.stderr)"
        subprocess.run([sys.executable, "-c", talks, account.password], check=True)
        os.write(2, (account.email + os.linesep).encode())
        raise failed("it was said")
    """,
    "raises_what_has_no_text": """
        class MuteError(Exception):
            def __str__(self):
                raise ValueError(account.password)
        raise MuteError
    """,
    "states_what_is_no_outcome": "raise OutcomeError(account.password, account.email)",
    "makes_it_a_title": """
        await page.evaluate("([n, t]) => { document.title = n; console.log(n, t); localStorage.setItem('t', t) }",
                            [said["name"], said["stored"]])
        stored = await page.evaluate("() => localStorage.getItem('t')")
        print("kept", account.password, account.totp_secret, os.environ["CANARY_API_TOKEN"], flush=True)
        raise KeyError(stored, await page.title())
    """,
}
JOURNEY = '''\
"""A careless author's journey."""

import base64
import json
import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

from playwright.async_api import expect

from holdfast.kit.outcome import OutcomeError, failed
from holdfast.synthetics import journey

said = json.loads((Path(__file__).parents[1] / "said.json").read_text())


@journey(every="5m", budget="20s", owner="nobody", runbook="docs/runbooks/sign-in.md")
async def {name}(visit):
    page, account = visit.page, visit.account
    async with visit.step("sign in"):
        await page.goto("/sign-in")
        await page.get_by_label("Email").fill(account.email)
        await page.get_by_label("Password").fill(account.password)
        await page.get_by_role("button", name="Sign in").click()
{code}
        await expect(page.get_by_role("heading", name="Your account", level=1)).to_be_visible()
    async with visit.step("be careless"):
        await page.goto("/profile")
{body}
'''
SCENARIO = '''\
"""A careless author's scenario: each visit ends in another way."""

import itertools
import json
import os
from pathlib import Path

from locust import task

from holdfast.kit.outcome import failed
from holdfast.load import Visitor

said = json.loads((Path(__file__).parents[1] / "said.json").read_text())


WAYS = itertools.count()


class Careless(Visitor):
    @task
    def be_careless(self):
        with self.step("sign_in"):
            self.service.sign_in(self.account)
        way = next(WAYS) % 7
        with self.step("go_on"):
            answer = self.client.request("GET", "/v2/account", headers={{"X-Canary": said["header"]}})
            if way == 0:
                raise failed("the answer was " + answer.body.decode())
            if way == 1:
                text = answer.body.decode()
                raise RuntimeError(f"{{text}} {{answer.headers}} {{self.account}} {{self.account.password}}")
            if way == 2:
                self.give_up(self.account.password)
            if way == 3:
                print(self.account.password, self.account.totp_secret, os.environ["CANARY_API_TOKEN"], flush=True)
                os.write(2, (self.account.password + os.linesep).encode())
                raise KeyError(said["header"])
            if way == 4:
                self.client.request("GET", f"/reset/key/3-{{said['path_token']}}/?code={{said['query_token']}}")
            if way == 5:
                assert False, answer.body.decode()
        with self.step("patiently", patience=5.0):
            raise failed(self.account.email)
'''
PROBES = """\
import json
import os
from pathlib import Path

said = json.loads((Path(__file__).parent / "said.json").read_text())


def gives(text):
    return {"body": text, "name": said["name"]}


def raises(text):
    print("probing with", text, flush=True)
    raise RuntimeError(f"login failed with {text} for {said['name']} by {os.environ['CANARY_API_TOKEN']}")


def nominal():
    return True
"""
PROFILE = {
    "kind": "LoadProfile",
    "description": "Careless visitors.",
    "arrivals": "uniform",
    "stages": [{"hold": "4/s", "for": "8s"}],
    "mix": {"careless": 1},
    "visitors": {"at_most": 12},
}


@dataclass(frozen=True)
class Ground:
    """A workspace whose stack stands, and what is planted in it."""

    workspace: Path
    canaries: Mapping[str, str]
    environment: Mapping[str, str]

    def holdfast(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*HOLDFAST, *arguments],
            cwd=self.workspace,
            env={**os.environ, **self.environment},
            capture_output=True,
            text=True,
            timeout=280,
            check=False,
        )

    def found(self, ran: subprocess.CompletedProcess[str], run: Path) -> list[str]:
        parts = {"stdout": ran.stdout.encode(), "stderr": ran.stderr.encode(), **everything_in(run)}
        return leaks(parts, self.canaries)

    def newest(self) -> Path:
        return max((self.workspace / "runs").iterdir())


def _said() -> dict[str, str]:
    """Values that the target or the author holds, each like nothing else."""
    mark = secrets.token_hex(4)
    return {
        "name": f"Canaria Privata {mark}",
        "phone": f"+49 171 {secrets.randbelow(10**7):07d}",
        "reset_token": f"canary-reset-{secrets.token_urlsafe(9)}",
        "path_token": f"canarypath{mark}",
        "query_token": f"canary-query-{mark}",
        "fragment": f"canary-fragment-{mark}",
        "stored": f"canary-stored-{mark}",
        "header": f"canary-header-{mark}",
    }


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    workspace = tmp_path_factory.mktemp("leaks") / "workspace"
    copy_starter(workspace)
    said = _said()
    (workspace / "said.json").write_text(json.dumps(said))
    (workspace / "careless_probes.py").write_text(PROBES)
    (workspace / "scenarios/careless.py").write_text(SCENARIO.format())
    (workspace / "scenarios/profiles/careless.yaml").write_text(yaml.safe_dump(PROFILE))
    environment = {"CANARY_API_TOKEN": f"canary-environment-{secrets.token_hex(5)}"}
    up = subprocess.run(
        [*HOLDFAST, "stack", "up", "--json"], cwd=workspace, capture_output=True, text=True, check=False
    )
    assert up.returncode == 0, up.stderr
    try:
        stack = json.loads((workspace / ".holdfast/stack/stack.json").read_text())
        yield Ground(workspace, {**said, **environment, **_accounts(workspace, stack)}, environment)
    finally:
        subprocess.run([*HOLDFAST, "stack", "down"], cwd=workspace, check=True, capture_output=True)


def _accounts(workspace: Path, stack: Mapping[str, str]) -> dict[str, str]:
    """Accounts of an author's own file: some with a secret password, some with a secret second factor."""
    own = [
        (f"canary.{secrets.token_hex(4)}@accounts.invalid", f'C4nary-&-pass "{n}" /+{secrets.token_hex(4)}')
        for n in range(OWN_ACCOUNTS)
    ]
    for email, password in own:
        asked = urllib.request.Request(
            f"{stack['url']}/v2/accounts",
            data=json.dumps({"email": email, "password": password}).encode(),
            headers={"Content-Type": "application/json"},
        )
        urllib.request.urlopen(asked, timeout=20).close()
    generated = [generated_account(index) for index in range(FIRST_GENERATED, FIRST_GENERATED + 2 * OWN_ACCOUNTS, 2)]
    lines = ["email,password,totp_secret"]
    for (email, password), other in zip(own, generated, strict=True):
        quoted = password.replace('"', '""')
        lines += [f'{email},"{quoted}",', f"{other.email},{other.password},{other.totp_secret}"]
    file = workspace / "accounts.csv"
    file.write_text("\n".join(lines) + "\n")
    file.chmod(0o600)
    target = {"url": stack["url"], "outbox_url": stack["outbox_url"], "accounts": {"file": "accounts.csv"}}
    configuration = workspace / "holdfast.yaml"
    defined = yaml.safe_load(configuration.read_text())
    defined["targets"]["own"] = target
    configuration.write_text(yaml.safe_dump(defined))
    return {
        "password of all": GENERATED_PASSWORD,
        **{f"email {n}": email for n, (email, _) in enumerate(own)},
        **{f"password {n}": password for n, (_, password) in enumerate(own)},
        **{f"seed {n}": str(one.totp_secret) for n, one in enumerate(generated)},
    }


def test_the_search_finds_a_canary_however_it_is_written_and_packed(tmp_path: Path) -> None:
    with RunStore.create(tmp_path / "run.db") as store:
        from holdfast.record.store import Event

        store.write_event(Event(1.0, "load", "notice", {"text": "a canary-in-a-row here"}))
        parts = everything_in(tmp_path)
        assert leaks(parts, {"canary": "canary-in-a-row"}) != []
    for form in forms_of('a "canary" & /+ more'):
        assert leaks({"x": b"<" + form + b">"}, {"canary": 'a "canary" & /+ more'}) == ["canary in x"]


@pytest.mark.usefixtures("chromium")
def test_no_canary_is_left_by_journeys(ground: Ground) -> None:
    for name, body in CARELESS.items():
        code = CODE if name in WITH_A_CODE else ""
        inner = {part: indent(dedent(text).strip("\n"), " " * 8) for part, text in {"body": body, "code": code}.items()}
        text = JOURNEY.format(name=name, **inner)
        (ground.workspace / f"synthetics/{name}.py").write_text(text)

    ran = ground.holdfast("check", *CARELESS, "--target", "own")

    run = ground.newest()
    assert ran.returncode == 1, ran.stdout + ran.stderr
    with RunStore.open(run / "run.db") as store:
        walks = {str(event.facts["name"]): event.facts for event in store.events() if event.kind == "journey"}
    # Each came to where it is careless, or it would have had nothing to say.
    assert {name: facts["step"] for name, facts in walks.items()} == dict.fromkeys(CARELESS, "be careless")
    assert len(list((run / "evidence").glob("*.json"))) == len(CARELESS)
    assert ground.found(ran, run) == []


def test_no_canary_is_left_by_load(ground: Ground) -> None:
    ran = ground.holdfast("load", "careless", "--target", "own")

    run = ground.newest()
    with RunStore.open(run / "run.db") as store:
        details = {interval.detail for interval in store.intervals("load")}
        assert any(event.kind == "scenario_error" for event in store.events()), ran.stdout + ran.stderr
    assert "RuntimeError" in details
    assert ground.found(ran, run) == []


def test_no_canary_is_left_by_an_experiment(ground: Ground) -> None:
    url = json.loads((ground.workspace / ".holdfast/stack/stack.json").read_text())["url"]
    vault = {"token": {"type": "env", "key": "CANARY_API_TOKEN"}, "inline": ground.canaries["header"]}

    def python(name: str, kind: str = "probe", **arguments: str) -> dict[str, object]:
        provider = {
            "type": "python",
            "module": "careless_probes",
            "func": name,
            "arguments": arguments,
            "secrets": ["vault"],
        }
        return {"type": kind, "name": f"{name} it", "provider": provider}

    def process(*arguments: str) -> dict[str, object]:
        return {"type": "process", "path": sys.executable, "arguments": list(arguments)}

    script = "import os,base64;print(base64.b64encode(os.environ['CANARY_API_TOKEN'].encode()).decode())"
    experiment = {
        "title": "A careless experiment",
        "description": "It quotes whatever it gets.",
        "secrets": {"vault": vault},
        "steady-state-hypothesis": {"title": "nominal", "probes": [{**python("nominal"), "tolerance": True}]},
        "method": [
            python("nominal", "action"),
            python("gives", text="${token}"),
            python("raises", text="${inline}"),
            {"type": "probe", "name": "encodes it", "provider": process("-c", script)},
            {
                "type": "probe",
                "name": "asks with a header",
                "provider": {
                    "type": "http",
                    "url": f"{url}/reset-password?token={ground.canaries['reset_token']}",
                    "headers": {"Authorization": "Bearer ${token}"},
                    "secrets": ["vault"],
                },
            },
            {
                "type": "probe",
                "name": "asks nobody",
                "provider": {"type": "http", "url": "http://127.0.0.1:1/?code=${inline}", "secrets": ["vault"]},
            },
        ],
        "rollbacks": [python("nominal", "action")],
        "extensions": [
            {
                "name": "holdfast",
                "hypothesis": "resist",
                "max_duration": "60s",
                "recover_within": "5s",
                "fault": {"kind": "nothing", "target": "nobody"},
            }
        ],
    }
    (ground.workspace / "chaos/careless.yaml").write_text(yaml.safe_dump(experiment))

    ran = ground.holdfast("chaos", "careless", "--load", "careless", "--for", "5s")

    run = ground.newest()
    assert (run / "evidence/chaos-careless.json").is_file(), ran.stdout + ran.stderr
    evidence = json.loads((run / "evidence/chaos-careless.json").read_text())
    assert {item["activity"]["name"] for item in evidence["run"]} >= {"raises it", "asks with a header"}
    assert ground.found(ran, run) == []
    assert "login failed with …" in json.dumps(evidence, ensure_ascii=False)
