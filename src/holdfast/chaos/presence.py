"""Whether a fault that was put in is still in: somebody may have taken it out, or its lease may have run out.

In: an entry of the undo log. Out: why it is gone, in words; "" while it is in.
"""

from collections.abc import Callable, Mapping
from typing import Final

from holdfast.chaos.repair import ENABLE_LINK, REMOVE_TOXIC, RESUME_PROCESS, Tokens
from holdfast.chaos.supervisor import PAUSED, Supervisor
from holdfast.chaos.undo import Entry
from holdfast.proxy.client import ProxyClient

Arguments = Mapping[str, str]


def why_gone(entry: Entry, tokens: Tokens) -> str:
    """Raises a HoldfastError when nobody answers who would know.

    A replica that was killed comes back by itself, as it is meant to: it is never gone before its time.
    """
    look = _LOOKS.get(entry.undo.kind)
    return look(entry.undo.arguments, tokens) if look is not None else ""


def _toxic(arguments: Arguments, _tokens: Tokens) -> str:
    link = ProxyClient(arguments["proxy_url"]).proxies().get(arguments["link"])
    if link is None:
        return f"the fault proxy has no link {arguments['link']} any more"
    if arguments["toxic"] in {toxic.name for toxic in link.toxics}:
        return ""
    return f"its toxic on link {arguments['link']} was removed, or its lease ran out"


def _outage(arguments: Arguments, _tokens: Tokens) -> str:
    link = ProxyClient(arguments["proxy_url"]).proxies().get(arguments["link"])
    if link is None:
        return f"the fault proxy has no link {arguments['link']} any more"
    return f"link {arguments['link']} was enabled, or its lease ran out" if link.enabled else ""


def _pause(arguments: Arguments, tokens: Tokens) -> str:
    supervisor = Supervisor(arguments["control_url"], tokens.get(arguments["control_url"], ""))
    process = next((p for p in supervisor.processes() if p.name == arguments["process"]), None)
    if process is None:
        return f"there is no {arguments['process']} any more"
    return "" if process.state == PAUSED else f"{process.name} is {process.state}, not paused"


_LOOKS: Final[Mapping[str, Callable[[Arguments, Tokens], str]]] = {
    REMOVE_TOXIC: _toxic,
    ENABLE_LINK: _outage,
    RESUME_PROCESS: _pause,
}
