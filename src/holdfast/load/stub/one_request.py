"""A visitor who asks once: what an arrival costs the generator at least, cold connection and all."""

from locust import task

from holdfast.load import Visitor


class OneRequest(Visitor):
    mfa = False  # such an account need not rest after its visit

    @task
    def ask(self) -> None:
        with self.step("ask"):
            self.client.request("GET", "/", name="GET page")
