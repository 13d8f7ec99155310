"""The fault proxy as a program: reads a config, listens, tells one JSON line when ready, heals what leases let go.

    python -m holdfast.proxy [--listen 127.0.0.1:0] [--config FILE.json] [--seed N] [--open]
                             [--allow-remote-links] [--owner-pipe]

stdout: one line {"api": "http://127.0.0.1:PORT", "proxies": {name: "127.0.0.1:PORT"}, "seed": N}. stderr: the log.
Whoever changes something needs the token: the one in HOLDFAST_PROXY_TOKEN, else one made for this proxy, which that
line then holds as "token".
Exit: 0 after SIGTERM, SIGINT, SIGHUP or, with --owner-pipe, the end of stdin; 2 when the input is wrong.
"""

import argparse
import asyncio
import functools
import gc
import json
import logging
import os
import resource
import secrets
import stat
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from holdfast.errors import ExitCode, HoldfastError, InputError, Problem, raise_input_error
from holdfast.process import ending_signals, guarded, undo_inherited
from holdfast.proxy.access import TOKEN_VARIABLE, Access
from holdfast.proxy.address import Address, is_loopback, parse_address
from holdfast.proxy.collection import LinkCollection
from holdfast.proxy.http import serve_connection
from holdfast.proxy.refusal import ApiError
from holdfast.proxy.server import Api

_LEASE_SECONDS: Final = 0.1  # how often leases are looked at


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m holdfast.proxy", description="The fault proxy.")
    parser.add_argument("--listen", default="127.0.0.1:8474", help="address of the API; port 0 is any free one")
    parser.add_argument("--config", type=Path, help='JSON: {"proxies": [...], "balancers": [...]}, or just the list')
    parser.add_argument("--seed", type=int, help="decides which connections a toxicity below 1 touches")
    parser.add_argument(
        "--open", action="store_true", help="no token: every user of this machine may cut, slow and redirect every link"
    )
    parser.add_argument(
        "--allow-remote-links", action="store_true", help="links may listen where other machines reach them"
    )
    parser.add_argument("--owner-pipe", action="store_true", help="exit at the end of stdin")
    options = parser.parse_args(arguments)
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    _allow_many_connections()
    try:
        listen = _checked_listen(options.listen, is_open=options.open)
        config = {} if options.config is None else read_config(options.config)
        far = not is_loopback(listen.host)
        given = os.environ.get(TOKEN_VARIABLE)
        token = None if options.open and not far else given or secrets.token_urlsafe(24)
        made = None if given else token
        if made is not None and stat.S_ISREG(os.fstat(1).st_mode):
            what = "is a file, and the line that says where the API is would leave the token made for it there"
            raise InputError(Problem("stdout", what, f"Set {TOKEN_VARIABLE} to a secret, or give --open."))
        seed = secrets.randbits(32) if options.seed is None else options.seed
        links = LinkCollection(seed, time.monotonic, far=options.allow_remote_links)
        asyncio.run(_serve(listen, Api(links, Access(token, far)), links, config, made, options.owner_pipe))
    except HoldfastError as error:
        sys.stderr.write(f"{error}\n")
        return int(error.exit_code)
    return int(ExitCode.MET)


def read_config(path: Path) -> Mapping[str, list[object]]:
    """Read the links to create at start; a bare list is Toxiproxy's own config file. Raises InputError."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(Problem(str(path), f"cannot be read: {error}", "Give a JSON file.")) from None
    if isinstance(content, list):
        content = {"proxies": content}
    lists = ("proxies", "balancers")
    if not isinstance(content, dict) or set(content) - set(lists):
        fix = 'Write {"proxies": [...], "balancers": [...]}.'
        raise InputError(Problem(str(path), "is not a proxy configuration", fix))
    if not all(isinstance(content.get(key, []), list) for key in lists):
        raise InputError(Problem(str(path), '"proxies" and "balancers" must be lists'))
    return content


def _checked_listen(text: str, *, is_open: bool) -> Address:
    try:
        address = parse_address(text)
    except ValueError as error:
        raise InputError(Problem("--listen", str(error), "Write HOST:PORT.")) from None
    if is_open and not is_loopback(address.host):
        raise InputError(Problem("--open", f"{address.host} can be reached from other machines", "Leave it out."))
    if not is_loopback(address.host) and not os.environ.get(TOKEN_VARIABLE):
        what = f"{address.host} can be reached from other machines, and whoever reaches the API can cut every link"
        raise InputError(Problem("--listen", what, f"Listen on 127.0.0.1, or set {TOKEN_VARIABLE} to a secret."))
    return address


def _allow_many_connections() -> None:
    """A proxied connection is two open files, and the usual limit of 1024 is soon reached."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


async def _serve(
    listen: Address,
    api: Api,
    links: LinkCollection,
    config: Mapping[str, list[object]],
    made: str | None,
    owner_pipe: bool,
) -> None:
    """`made`: the token, when nobody but us knows it yet."""
    loop = asyncio.get_running_loop()
    stopping = asyncio.Event()
    for signal_number in ending_signals():
        loop.add_signal_handler(signal_number, stopping.set)
    await _create_links(links, config)
    try:
        server = await asyncio.start_server(functools.partial(serve_connection, api.handle), listen.host, listen.port)
    except OSError as error:
        links.stop()
        raise InputError(Problem("--listen", f"{listen}: {error}", "Choose a free port, or 0.")) from None
    if owner_pipe:
        _watch_owner(loop, stopping)
    healing = loop.create_task(_heal_for_ever(links))
    gc.collect()
    gc.freeze()  # what lives for ever need not be looked at again
    host, port = server.sockets[0].getsockname()[:2]
    proxies = {name: link.listen for name, link in links.links.items()}
    ready = {"api": f"http://{Address(host, port)}", "proxies": proxies, "seed": links.seed}
    sys.stdout.write(json.dumps(ready | ({} if made is None else {"token": made})) + "\n")
    sys.stdout.flush()
    await stopping.wait()
    healing.cancel()
    server.close()
    links.stop()


async def _create_links(links: LinkCollection, config: Mapping[str, list[object]]) -> None:
    """Create everything that can be, then raise one InputError with all that cannot."""
    problems = []
    for kind, create in (("proxies", links.create), ("balancers", links.create_balancer)):
        for number, body in enumerate(config.get(kind, [])):
            try:
                link = await create(body)
                toxics = body.get("toxics") if isinstance(body, dict) else None
                for toxic in toxics if isinstance(toxics, list) else []:
                    links.add_toxic(link, toxic)
            except ApiError as refused:
                problems.append(Problem(f"{kind}[{number}]", refused.message))
    if problems:
        links.stop()
    raise_input_error(problems)


async def _heal_for_ever(links: LinkCollection) -> None:
    while True:
        await asyncio.sleep(_LEASE_SECONDS)
        await links.heal_expired()


def _watch_owner(loop: asyncio.AbstractEventLoop, stopping: asyncio.Event) -> None:
    """Stop at the end of stdin. A thread, because epoll takes no regular file and not /dev/null."""

    def read_until_end() -> None:
        while os.read(0, 4096):
            pass
        loop.call_soon_threadsafe(stopping.set)

    threading.Thread(target=read_until_end, name="owner", daemon=True).start()


if __name__ == "__main__":
    undo_inherited()
    sys.exit(guarded(main))
