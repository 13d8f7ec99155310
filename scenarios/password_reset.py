"""A customer who forgot the password: asks for a reset, reads the message, sets a new one, signs in with it.

The new password is the old one, so that the account can be used again.
"""

from locust import task

from holdfast.load import Visitor


class PasswordReset(Visitor):
    @task
    def start_over(self) -> None:
        with self.step("request_reset"):
            asked_at = self.service.request_password_reset(self.account.email)
        with self.step("read_message"):
            token = self.service.wait_for_reset_token(self.account.email, asked_at)
        with self.step("set_password"):
            self.service.complete_password_reset(token, self.account.password)
        with self.step("sign_in"):
            self.service.sign_in(self.account)
