"""The account service: one replica. Settings on stdin, HTTP on a loopback port.

Started by the supervisor as `python -m holdfast.reference.app`.
"""

import asyncio
import json
import logging
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from holdfast.reference.account_pages import ACCOUNT_PAGES
from holdfast.reference.api import API_ROUTES
from holdfast.reference.backends import Backends, make_backends
from holdfast.reference.background import work_for_ever
from holdfast.reference.capacity import LimitCapacity
from holdfast.reference.child import exit_with_supervisor, read_first_line
from holdfast.reference.failing import FailSome
from holdfast.reference.limits import LimitClients
from holdfast.reference.loopback import HOST
from holdfast.reference.metrics import MeasureRequests
from holdfast.reference.pages import PUBLIC_PAGES, make_templates, read_style, refusal_page
from holdfast.reference.refusal import Refusal
from holdfast.reference.requests import backends_of
from holdfast.reference.settings import read_replica_settings

log = logging.getLogger(__name__)


async def healthy(_: Request) -> Response:
    """The process is up."""
    return JSONResponse({"status": "ok"})


async def ready(request: Request) -> Response:
    """It can serve: PostgreSQL and Valkey answer."""
    is_ready = await backends_of(request).ready()
    return JSONResponse({"status": "ok" if is_ready else "not_ready"}, status_code=200 if is_ready else 503)


async def metrics(request: Request) -> Response:
    content = generate_latest(backends_of(request).metrics.registry)
    return Response(content, headers={"Content-Type": CONTENT_TYPE_LATEST})


async def refused(request: Request, error: Exception) -> Response:
    """A Refusal, or a route that is not there, as JSON for programs and as a page for people."""
    if isinstance(error, HTTPException):
        error = Refusal(error.status_code, "not_found" if error.status_code == 404 else "refused", error.detail)
    if not isinstance(error, Refusal):
        raise error
    if error.status >= 500:
        # The trace id leads from a test's sample here. No path, no address: those may name a person.
        trace = request.headers.get("traceparent", "-")
        log.warning(json.dumps({"code": error.code, "cause": type(error.__cause__).__name__, "trace": trace}))
    if not request.url.path.startswith(("/v1/", "/v2/")):
        response: Response = refusal_page(request, error)
    else:
        body = {"error": {"code": error.code, "message": error.message}}
        response = JSONResponse(body, status_code=error.status)
    if error.retry_after is not None:
        response.headers["Retry-After"] = str(math.ceil(error.retry_after))
    return response


async def failed(request: Request, error: Exception) -> Response:
    """A bug. Starlette logs the traceback."""
    del request, error
    return JSONResponse({"error": {"code": "internal", "message": "Something went wrong."}}, status_code=500)


def make_app(backends: Backends) -> Starlette:
    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        # Nothing is waited for: a replica that starts while PostgreSQL is away answers that it is not ready.
        work = (backends.prepare(), backends.keys.keep_fresh(), work_for_ever(backends))
        tasks = [asyncio.create_task(one) for one in work]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await backends.close()

    stack = backends.settings.stack
    middleware = [
        Middleware(MeasureRequests, metrics=backends.metrics, replica=backends.settings.name),
        Middleware(LimitCapacity, workers=stack.workers, service_time=stack.service_time),
    ]
    if stack.failing_share:
        middleware.append(Middleware(FailSome, share=stack.failing_share, seed=backends.settings.name))
    if backends.client_requests is not None:
        middleware.insert(1, Middleware(LimitClients, limit=backends.client_requests))
    app = Starlette(
        routes=[
            Route("/healthz", healthy),
            Route("/readyz", ready),
            Route("/metrics", metrics),
            *API_ROUTES,
            *PUBLIC_PAGES,
            *ACCOUNT_PAGES,
        ],
        middleware=middleware,
        exception_handlers={Refusal: refused, HTTPException: refused, Exception: failed},
        lifespan=lifespan,
    )
    app.state.backends = backends
    app.state.templates = make_templates()
    app.state.style = read_style()
    return app


def main() -> None:
    settings = read_replica_settings(read_first_line())
    exit_with_supervisor()
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    uvicorn.run(
        make_app(make_backends(settings)), host=HOST, port=settings.port, loop="asyncio", backlog=512,
        access_log=False, log_level="warning", server_header=False, timeout_graceful_shutdown=1,
    )  # fmt: skip


if __name__ == "__main__":
    main()
