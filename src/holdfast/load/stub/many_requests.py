"""A visitor who asks fifty times on one connection: what a request costs the generator."""

from locust import task

from holdfast.load import Visitor

_REQUESTS = 50


class ManyRequests(Visitor):
    mfa = False  # such an account need not rest after its visit

    @task
    def ask(self) -> None:
        with self.step("ask"):
            for _ in range(_REQUESTS):
                self.client.request("GET", "/", name="GET page")
