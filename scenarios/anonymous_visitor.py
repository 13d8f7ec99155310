"""Somebody who only looks: compares the plans for a while, finds the sign-in page, and leaves. Needs no account."""

from locust import task

from holdfast.kit.outcome import failed
from holdfast.load import Visitor


class AnonymousVisitor(Visitor):
    mfa = False

    @task
    def look_around(self) -> None:
        with self.step("look_at_plans"):
            if not self.service.list_plans():
                raise failed("no_plans")
        self.think("2s")
        with self.step("look_at_sign_in"):
            self.service.open_sign_in_page()
