"""A tiny loopback stub with the reference API's shape, for the load generator's own tests: `account_stub.py [DELAY]`.

Prints its port. `POST /stub/stall {"seconds"}` freezes every answer for so long; `GET /stub/counts` tells what it
served.
"""

import asyncio
import json
import sys
import time

import httptools

DELAY = float(sys.argv[1]) if len(sys.argv) > 1 else 0.0
STUB = {"stalled_until": 0.0, "counts": {}, "synthetic": 0, "connections": 0, "reset_at": {}, "changes": {}}
INVOICE = {"id": "inv-1", "period": "2026-10", "amount_cents": 4200, "currency": "EUR", "status": "paid"}
ACCOUNT = {"email": "", "name": "A", "phone": "", "plan": "basic", "mfa": False}


class Connection(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport = transport
        self.parser = httptools.HttpRequestParser(self)
        STUB["connections"] += 1

    def data_received(self, data):
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserError:
            self.transport.close()

    def on_message_begin(self):
        self.headers, self.body = {}, b""

    def on_url(self, url):
        self.path = url.decode()

    def on_header(self, name, value):
        self.headers[name.lower().decode()] = value.decode()

    def on_body(self, body):
        self.body += body

    def on_message_complete(self):
        method, path = self.parser.get_method().decode(), self.path
        asked = json.loads(self.body) if self.body else {}
        now = time.monotonic()
        if path == "/stub/stall":
            STUB["stalled_until"] = now + asked["seconds"]
            self.answer(200, {})
            return
        if path == "/stub/counts":
            self.answer(200, {k: STUB[k] for k in ("counts", "synthetic", "connections")})
            return
        STUB["synthetic"] += self.headers.get("x-holdfast-synthetic") == "1"
        key = f"{method} {path.partition('?')[0]}"
        STUB["counts"][key] = STUB["counts"].get(key, 0) + 1
        status, body, more = respond(method, path, asked, self.headers)
        wait = max(DELAY, STUB["stalled_until"] - now)
        if wait > 0:
            asyncio.get_running_loop().call_later(wait, self.answer, status, body, more)
        else:
            self.answer(status, body, more)

    def answer(self, status, body, more=""):
        if self.transport.is_closing():
            return
        payload = b"" if body is None else json.dumps(body).encode()
        length = "" if status == 204 else f"Content-Length: {len(payload)}\r\n"
        head = f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\n{length}{more}\r\n"
        self.transport.write(head.encode() + payload)


def respond(method, path, asked, headers):  # noqa: C901, PLR0912  a table of answers
    signed_in = f"Set-Cookie: session={asked.get('email', 'x')}; Path=/; HttpOnly; SameSite=Lax\r\n"
    if (method, path) == ("POST", "/v2/sessions"):
        if int(asked["email"][8:14]) % 2 == 0:
            return 200, {"challenge": "totp", "challenge_id": asked["email"]}, ""
        return 201, {"session": {"id": "s"}}, signed_in
    if path.startswith("/v2/sessions/challenges/"):
        email = path.rpartition("/")[2].replace("%40", "@")
        return 201, {"session": {"id": "s"}}, f"Set-Cookie: session={email}; Path=/\r\n"
    if path.startswith("/messages"):
        return 200, {"messages": [{"id": "m", "to": "x", "kind": "password_reset", "at": 0, "token": "t0ken"}]}, ""
    if (method, path) == ("POST", "/v2/password-resets"):
        return 202, {}, ""
    if path.startswith("/v2/password-resets/"):
        return 204, None, ""
    email = headers.get("cookie", "").partition("session=")[2]
    if not email:
        return 401, {"error": {"code": "not_signed_in", "message": ""}}, ""
    if method == "DELETE":
        return 204, None, ""
    if path == "/v2/invoices":
        return 200, {"invoices": [INVOICE]}, ""
    if path == "/v2/invoices/inv-1":
        return 200, {**INVOICE, "lines": []}, ""
    if path == "/v2/plans":
        return 200, {"plans": [{"id": p, "name": p, "price_cents": 100} for p in ("basic", "plus")]}, ""
    if path == "/v2/plan-changes":
        key = headers["idempotency-key"]
        replayed = key in STUB["changes"]
        change = STUB["changes"].setdefault(key, {"id": key[:8], "plan": asked["plan"], "status": "applied"})
        return 201, {"plan_change": change}, "Idempotent-Replay: true\r\n" if replayed else ""
    if path in {"/v2/account", "/v2/account/profile"}:
        return 200, {**ACCOUNT, "email": email, **asked}, ""
    return 404, {"error": {"code": "not_found", "message": path}}, ""


async def main():
    server = await asyncio.get_running_loop().create_server(Connection, "127.0.0.1", 0, backlog=2048)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


asyncio.run(main())
