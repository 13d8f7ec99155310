"""What an adapter may ask of an HTTP client: the load generator's and the runner's plain one both have this shape."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol


class Response(Protocol):
    """An answer. Header names are lower case."""

    @property
    def status(self) -> int: ...

    @property
    def headers(self) -> Mapping[str, str]: ...

    @property
    def body(self) -> bytes: ...

    def json(self) -> Any:
        """The body as JSON; raises OutcomeError ("failed") when it is not."""
        ...


class Client(Protocol):
    """Sends one request and measures it; keeps the cookies of one visitor."""

    def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str | int | Sequence[str]] | None = None,
        json: object = None,
        form: Mapping[str, str] | None = None,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        expect: Sequence[int] | None = None,
        follow: int = 0,
        timeout: float | None = None,
        name: str | None = None,
    ) -> Response:
        """Answer in `expect` (None: any 2xx or 3xx), or raise OutcomeError.

        At most one of `json`, `form` and `body`. `params` are encoded and added to the path. `follow`: how many
        redirects are gone after, within the target only; 0 takes a redirect for the answer. `timeout`: seconds for all
        of it, instead of the client's own. `name` is what the sample is called ("GET invoice"); without one, the
        method and the path, without its query and with `{id}` for what looks like an identifier.
        """
        ...
