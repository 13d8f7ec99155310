"""A customer who looks in and leaves: signs in, with a code from the phone where the account asks for one, and out.

Every other account has a second factor, so this is both kinds of sign-in in equal parts.
"""

from locust import task

from holdfast.load import Visitor


class SignIn(Visitor):
    @task
    def look_in(self) -> None:
        with self.step("sign_in"):
            self.service.sign_in(self.account)
        with self.step("sign_out"):
            self.service.sign_out()
