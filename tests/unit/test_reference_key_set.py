"""The keys of the identity partner: a new one is fetched once for all, and nobody is turned away meanwhile."""

import asyncio
import time

import pytest

from holdfast.reference.key_set import KeySet
from holdfast.reference.refusal import Refusal, unavailable
from holdfast.reference.tokens import Claims, derive_key, sign

OLD, NEW, INVENTED = (derive_key("secret", generation) for generation in (1, 2, 3))


class Identity:
    """The partner: publishes `keys`, counts who asks, fails while `away`."""

    def __init__(self, *keys):
        self.keys = list(keys)
        self.asked = 0
        self.away = False

    async def call(self, method, path):
        self.asked += 1
        await asyncio.sleep(0)
        if self.away:
            raise unavailable("identity")
        return {"keys": [key.as_jwk() for key in self.keys]}


def token(key, session="one"):
    return sign(Claims(session, 1, time.time() + 60), key, time.time())


def test_after_a_rotation_every_visitor_is_known_and_the_partner_is_asked_once():
    async def play():
        identity = Identity(OLD)
        keys = KeySet(identity, least_pause=0.02)
        await keys.claims_of(token(OLD))
        identity.keys.append(NEW)
        tokens = [token(NEW, f"session-{number}") for number in range(50)]
        claims = await asyncio.gather(*(keys.claims_of(one) for one in tokens))
        return [one.session for one in claims], identity.asked

    assert asyncio.run(play()) == ([f"session-{number}" for number in range(50)], 2)


def test_an_invented_key_just_before_a_rotation_turns_no_visitor_away():
    async def play():
        identity = Identity(OLD)
        keys = KeySet(identity, least_pause=0.02)
        refused = await keys.claims_of(token(INVENTED))
        identity.keys.append(NEW)
        return refused, (await keys.claims_of(token(NEW))).session

    assert asyncio.run(play()) == (None, "one")


def test_invented_keys_do_not_make_us_ask_each_time():
    async def play():
        identity = Identity(OLD)
        keys = KeySet(identity, least_pause=0.02)
        began = time.monotonic()
        for number in range(5):
            assert await keys.claims_of(token(INVENTED, f"session-{number}")) is None
        return identity.asked, time.monotonic() - began

    asked, seconds = asyncio.run(play())
    assert asked <= 1 + seconds / 0.02


def test_while_the_partner_is_away_known_keys_are_good_and_others_are_told_to_come_back():
    async def play():
        identity = Identity(OLD)
        keys = KeySet(identity, least_pause=0.0)
        await keys.claims_of(token(OLD))
        identity.away = True
        with pytest.raises(Refusal):
            await keys.claims_of(token(NEW))
        known = await keys.claims_of(token(OLD, "two"))
        identity.away = False
        identity.keys.append(NEW)
        return known.session, (await keys.claims_of(token(NEW))).session

    assert asyncio.run(play()) == ("two", "one")
