"""What the generators play, written for each: holdfast's scenario files, locustfiles, k6 scripts.

The same requests in the same order, in each tool's plain way.
"""

from pathlib import Path
from typing import Final

REQUESTS_IN_A_VISIT: Final = 100  # of the closed model, so that a visit's own cost is not what is measured
ACCOUNT_CALLS: Final = 3

_HOLDFAST_HEAD: Final = '''"""For the bench."""

import time

from locust import task

from holdfast.load import Visitor


class Bench(Visitor):
    @task
    def visit(self) -> None:
'''

HOLDFAST: Final = {
    "one_get": """        with self.step("get"):
            self.client.request("GET", "/json")
""",
    "many_gets": f"""        with self.step("get"):
            for _ in range({REQUESTS_IN_A_VISIT}):
                self.client.request("GET", "/json")
""",
    "stays": """        until = time.monotonic() + {seconds}
        with self.step("get"):
            while time.monotonic() < until:
                self.client.request("GET", "/json")
                time.sleep({pause})
""",
    "journey": f"""        with self.step("sign_in"):
            self.client.request("POST", "/sign-in", json={{"email": self.account.email, "password": "secret"}})
        for number in range({ACCOUNT_CALLS}):
            with self.step("call"):
                self.client.request("POST", "/account/call", json={{"number": number, "plan": "plus"}}, expect=[200])
""",
}

_LOCUST_HEAD: Final = """from locust import FastHttpUser, constant, task


class Bench(FastHttpUser):
    @task
    def visit(self):
"""

LOCUST: Final = {
    "one_get": """        self.client.get("/json")
""",
    "stays": """        self.client.get("/json")

    wait_time = constant({pause})
""",
    # A visitor is new each time, as in the other: its cookies are gone, its connection is kept.
    "journey": f"""        self.client.cookiejar.clear()
        self.client.post("/sign-in", json={{"email": "customer000001@example.com", "password": "secret"}})
        for number in range({ACCOUNT_CALLS}):
            self.client.post("/account/call", json={{"number": number, "plan": "plus"}})
""",
}

_K6_CLOSED: Final = """import http from 'k6/http';
export const options = {vus: %(users)d, duration: '%(seconds)ds', discardResponseBodies: false};
export default function () { http.get('%(url)s/json'); }
"""

_K6_OPEN: Final = """import http from 'k6/http';
export const options = {
  summaryTrendStats: ['med', 'p(95)', 'p(99)', 'max'],
  scenarios: {open: {executor: 'constant-arrival-rate', rate: %(rate)d, timeUnit: '1s', duration: '%(seconds)ds',
                     preAllocatedVUs: %(users)d, maxVUs: %(users)d}},
};
export default function () { http.get('%(url)s/json'); }
"""


def holdfast_file(folder: Path, name: str, **values: float) -> Path:
    """Write scenario `name` (one of HOLDFAST); its values are filled in."""
    body = HOLDFAST[name]
    return _written(folder / f"{name}.py", _HOLDFAST_HEAD + (body.format(**values) if values else body))


def locust_file(folder: Path, name: str, **values: float) -> Path:
    body = LOCUST[name]
    return _written(folder / f"locust_{name}.py", _LOCUST_HEAD + (body.format(**values) if values else body))


def k6_closed(folder: Path, url: str, users: int, seconds: int) -> Path:
    return _written(folder / "closed.js", _K6_CLOSED % {"url": url, "users": users, "seconds": seconds})


def k6_open(folder: Path, url: str, rate: int, users: int, seconds: int) -> Path:
    return _written(folder / "open.js", _K6_OPEN % {"url": url, "users": users, "seconds": seconds, "rate": rate})


def _written(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path
