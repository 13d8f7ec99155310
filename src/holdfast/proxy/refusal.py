"""What the API says no with: Toxiproxy's own texts and codes, so that its clients recognise them."""


class ApiError(Exception):
    """A request that cannot be obeyed. `status`: the HTTP status that says so."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


def bad_request_body(why: object) -> ApiError:
    return ApiError(400, f"bad request body: {why}")


def missing_field(name: str) -> ApiError:
    return ApiError(400, f"missing required field: {name}")


def invalid_stream() -> ApiError:
    return ApiError(400, "stream was invalid, can be either upstream or downstream")


def invalid_toxic_type() -> ApiError:
    return ApiError(400, "invalid toxic type")


def listens_far(listen: str) -> ApiError:
    """Not Toxiproxy's, which lets every caller listen for the world."""
    return ApiError(
        403, f"listen {listen}: other machines could reach it; start the proxy with --allow-remote-links to allow it"
    )


def proxy_not_found() -> ApiError:
    return ApiError(404, "proxy not found")


def proxy_already_exists() -> ApiError:
    return ApiError(409, "proxy already exists")


def toxic_not_found() -> ApiError:
    return ApiError(404, "toxic not found")


def toxic_already_exists() -> ApiError:
    return ApiError(409, "toxic already exists")
