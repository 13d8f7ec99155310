"""Somebody who wants to know who has an account: asks about an address that has one and one that has none.

The answers must be the same. Their times are recorded as steps ending in `_known` and `_unknown`, and the report says
whether they can be told apart. Which comes first is drawn by lot, on a connection that is warm.
"""

from random import sample
from uuid import uuid4

from locust import task

from holdfast.kit.accounts import stranger_like
from holdfast.kit.outcome import failed
from holdfast.kit.service import Reply
from holdfast.load import Visitor


class AccountEnumeration(Visitor):
    attack = True

    @task
    def compare(self) -> None:
        with self.step("arrive"):
            self.service.list_plans()
        nobody = stranger_like(self.account.email, uuid4().hex)
        for ask in sample([self.sign_in, self.reset], 2):
            ask(nobody)

    def sign_in(self, nobody: str) -> None:
        replies: dict[str, Reply] = {}
        for kind in sample(["known", "unknown"], 2):
            if kind == "known":
                with self.step("sign_in_known"):
                    replies[kind] = self.service.guess_password(self.account.email, "Wrong-Password-0")
            else:
                with self.step("sign_in_unknown"):
                    replies[kind] = self.service.guess_password(nobody, "Wrong-Password-0")
        if replies["known"] != replies["unknown"]:
            raise failed("answers_differ")

    def reset(self, nobody: str) -> None:
        replies: dict[str, Reply] = {}
        for kind in sample(["known", "unknown"], 2):
            if kind == "known":
                with self.step("reset_known"):
                    replies[kind] = self.service.probe_password_reset(self.account.email)
            else:
                with self.step("reset_unknown"):
                    replies[kind] = self.service.probe_password_reset(nobody)
        if replies["known"] != replies["unknown"]:
            raise failed("answers_differ")
