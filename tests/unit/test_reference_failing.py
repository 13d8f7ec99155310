"""The share of requests that a sick replica fails, and what it never fails."""

import asyncio

from holdfast.reference.failing import FailSome


async def _statuses(share, path, times):
    sent = []

    async def app(_scope, _receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def send(message):
        if message["type"] == "http.response.start":
            sent.append(message["status"])

    middleware = FailSome(app, share, "account-1")
    for _ in range(times):
        await middleware({"type": "http", "path": path}, None, send)
    return sent


def test_about_the_stated_share_of_the_requests_fails_and_the_same_ones_each_time():
    statuses = asyncio.run(_statuses(0.03, "/v2/sessions", 4000))

    assert 0.02 < statuses.count(500) / len(statuses) < 0.04
    assert statuses == asyncio.run(_statuses(0.03, "/v2/sessions", 4000))


def test_who_asks_whether_it_lives_is_never_failed():
    assert asyncio.run(_statuses(1.0, "/healthz", 3)) == [200, 200, 200]
