"""A small account API whose shape is not the reference stack's: `account_api.py [PORT]`; prints its port.

OAuth 2.0 password grant, bearer tokens, a second factor as a step of its own, 403 with a code for every refusal,
camelCase, pages, decimal strings, 409 for a repeated order, a reset by a code in an e-mail. The outbox is
`GET /mailbox/EMAIL`. `POST /test/break {"path": status}` makes one path answer so, `GET /test/state` shows everything.
Accounts are holdfast's generated ones, made when they first come.
"""

import json
import re
import secrets
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

from holdfast.kit.accounts import generated_account
from holdfast.kit.totp import STEP_SECONDS, code_at

TARIFFS = [
    {"tariffId": "S", "displayName": "Small", "monthlyPrice": "9.99"},
    {"tariffId": "M", "displayName": "Medium", "monthlyPrice": "19.99"},
    {"tariffId": "L", "displayName": "Large", "monthlyPrice": "39.00"},
]
LIFETIME = 300
LOCK = threading.Lock()
ACCOUNTS, TOKENS, REFRESH, CHALLENGES, ORDERS, CODES, BROKEN = {}, {}, {}, {}, {}, {}, {}


class Refused(Exception):  # noqa: N818
    def __init__(self, status, code, **details):
        self.status, self.answer = status, {"error": {"code": code, "message": code, "details": details}}


def account_of(email):
    if email not in ACCOUNTS:
        found = re.fullmatch(r"visitor-(\d{6})@accounts\.invalid", email)
        if found is None:
            raise Refused(403, "bad_credentials")
        known = generated_account(int(found[1]))
        ACCOUNTS[email] = {
            "emailAddress": email,
            "fullName": f"Visitor {known.index}",
            "mobileNumber": "+49 30 901820",
            "tariff": {"tariffId": "S"},
            "secondFactor": known.has_mfa,
            "password": known.password,
            "secret": known.totp_secret,
            "step": -1,
            "consents": {"MARKETING": False, "ANALYTICS": True},
            "mails": [],
        }
    return ACCOUNTS[email]


def tokens_for(email):
    access, refresh = secrets.token_urlsafe(24), secrets.token_urlsafe(24)
    TOKENS[access] = (email, time.time() + LIFETIME)
    REFRESH[refresh] = email
    device = f"device-{access[:6]}"
    return {"accessToken": access, "refreshToken": refresh, "expiresInSeconds": LIFETIME, "deviceId": device}


def token(form, **_):
    if form["grant_type"] == "refresh_token":
        email = REFRESH.pop(form["refresh_token"], None)
        if email is None:
            raise Refused(403, "bad_refresh_token")
        return tokens_for(email)
    account = account_of(form["username"])
    if form["password"] != account["password"]:
        raise Refused(403, "bad_credentials")
    if account["secondFactor"]:
        challenge = secrets.token_urlsafe(12)
        CHALLENGES[challenge] = account["emailAddress"]
        raise Refused(403, "second_factor_required", mfaToken=challenge)
    return tokens_for(account["emailAddress"])


def step_up(asked, **_):
    email = CHALLENGES.pop(asked["mfaToken"], None)
    if email is None:
        raise Refused(403, "bad_challenge")
    account, present = ACCOUNTS[email], int(time.time() // STEP_SECONDS)
    for step in (present, present - 1):
        if step > account["step"] and code_at(account["secret"], step * STEP_SECONDS) == asked["otp"]:
            account["step"] = step
            return tokens_for(email)
    raise Refused(403, "bad_otp")


def revoke(account, bearer, **_):
    del TOKENS[bearer]
    return {}


def me(account, asked, method, **_):
    if method == "PUT":
        account.update({key: asked[key] for key in ("fullName", "mobileNumber") if key in asked})
    shown = ("emailAddress", "fullName", "mobileNumber", "tariff", "secondFactor")
    return {key: account[key] for key in shown}


def invoices_of(account):
    months = [f"2026-{month:02d}" for month in range(1, 8)]
    return [
        {"invoiceNo": f"R/{month}", "billingMonth": month, "total": "19.99", "currencyCode": "EUR", "state": "PAID"}
        for month in months
    ]


def invoices(account, query, **_):
    every, size, page = invoices_of(account), min(int(query["pageSize"]), 3), int(query["page"])
    return {"items": every[(page - 1) * size : page * size], "page": page, "pages": -(-len(every) // size)}


def invoice(account, rest, **_):
    for one in invoices_of(account):
        if one["invoiceNo"] == rest:
            return {**one, "lines": [{"text": "Tariff", "amount": one["total"]}]}
    raise Refused(404, "no_such_invoice")


def order(account, asked, **_):
    key = (account["emailAddress"], asked["requestId"])
    if key in ORDERS:
        raise Refused(409, "duplicate_request", order=ORDERS[key])
    if asked["tariffId"] not in {tariff["tariffId"] for tariff in TARIFFS}:
        raise Refused(403, "no_such_tariff")
    account["tariff"] = {"tariffId": asked["tariffId"]}
    ORDERS[key] = {"orderId": secrets.token_hex(8), "tariffId": asked["tariffId"], "state": "DONE"}
    return {"order": ORDERS[key]}


def forgot(asked, **_):
    account, code = account_of(asked["emailAddress"]), f"{secrets.randbelow(10**6):06d}"
    CODES[asked["emailAddress"]] = code
    mail = {"sentAtMillis": int(time.time() * 1000), "subject": "Your code", "text": f"The code is {code}."}
    account["mails"] = [*account["mails"], mail][-5:]
    return {}


def confirm(asked, **_):
    if not secrets.compare_digest(CODES.pop(asked["emailAddress"], "-"), asked["code"]):
        raise Refused(403, "bad_code")
    ACCOUNTS[asked["emailAddress"]]["password"] = asked["newPassword"]
    return {}


def devices(account, bearer, **_):
    mine = [key for key, (email, _) in TOKENS.items() if email == account["emailAddress"]]
    return {"items": [{"deviceId": f"device-{key[:6]}", "thisDevice": key == bearer} for key in mine]}


def consents(account, asked, method, **_):
    if method == "PUT":
        account["consents"].update({one["purpose"]: one["granted"] for one in asked["choices"]})
    return {"choices": [{"purpose": key, "granted": value} for key, value in account["consents"].items()]}


OPEN = {
    "POST /oauth/token": token,
    "POST /oauth/step-up": step_up,
    "POST /api/forgot-password": forgot,
    "POST /api/forgot-password/confirm": confirm,
    "GET /login": lambda **_: {"page": "sign in"},
    "GET /": lambda **_: {"name": "acme"},
    "GET /mailbox": lambda rest, **_: {"mails": account_of(rest)["mails"]},
    "GET /test/state": lambda **_: {"accounts": ACCOUNTS, "orders": len(ORDERS)},
    "POST /test/break": lambda asked, **_: (BROKEN.clear(), BROKEN.update(asked), {})[2],
}
SIGNED_IN = {
    "POST /oauth/revoke": revoke,
    "GET /api/me": me,
    "PUT /api/me": me,
    "GET /api/invoices": invoices,
    "GET /api/invoice": invoice,
    "GET /api/tariffs": lambda **_: {"items": TARIFFS},
    "POST /api/tariff-orders": order,
    "GET /api/devices": devices,
    "GET /api/consents": consents,
    "PUT /api/consents": consents,
}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        try:
            with LOCK:
                status, answer = 200, self.respond(body)
        except Refused as refused:
            status, answer = refused.status, refused.answer
        payload = json.dumps(answer).encode()
        head = f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {len(payload)}\r\n\r\n"
        self.wfile.write(head.encode() + payload)

    def respond(self, body):
        parts = urlsplit(self.path)
        path, rest = parts.path, ""
        for folder, key in (("/api/invoices/", "/api/invoice"), ("/mailbox/", "/mailbox")):
            if path.startswith(folder):
                path, rest = key, unquote(path.removeprefix(folder))
        if path in BROKEN:
            raise Refused(BROKEN[path], "broken_for_a_test")
        form = self.headers.get("Content-Type", "").startswith("application/x-www-form-urlencoded")
        asked = {k: v[0] for k, v in parse_qs(body.decode()).items()} if form else json.loads(body or b"{}")
        query = {k: v[0] for k, v in parse_qs(parts.query).items()}
        more = {"asked": asked, "form": asked, "query": query, "rest": rest, "method": self.command}
        called = f"{self.command} {path}"
        if called in OPEN:
            return OPEN[called](**more)
        if called not in SIGNED_IN:
            raise Refused(404, "no_such_path")
        bearer = self.headers.get("Authorization", "").removeprefix("Bearer ")
        email, ends = TOKENS.get(bearer, ("", 0))
        if ends < time.time():
            raise Refused(403, "bad_token")
        return SIGNED_IN[called](account=ACCOUNTS[email], bearer=bearer, **more)

    do_GET = do_POST = do_PUT = answer  # noqa: N815

    def log_message(self, *_):
        """Quiet."""


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256


if __name__ == "__main__":
    with Server(("127.0.0.1", int(sys.argv[1]) if len(sys.argv) > 1 else 0), Handler) as server:
        print(server.server_address[1], flush=True)
        server.serve_forever()
