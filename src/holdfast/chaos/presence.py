"""Whether a fault that was put in is still in: somebody may have taken it out, or its lease may have run out.

In: an entry of the undo log. Out: why it is gone, in words; "" while it is in.
"""

from collections.abc import Callable, Mapping
from typing import Final

from holdfast.chaos.repair import ENABLE_LINK, REMOVE_TOXIC, RESUME_PROCESS, Tokens, is_frozen
from holdfast.chaos.supervisor import PAUSED, Supervisor
from holdfast.chaos.undo import Entry
from holdfast.proxy.client import ProxyClient, ToxicFacts
from holdfast.workspace.target import is_loopback

Arguments = Mapping[str, str]
_PUT_IN: Final = "put_in"


def as_put_in(toxic: ToxicFacts) -> dict[str, str]:
    """For the arguments of its undo: by this it is known again, for a toxic that was changed is another fault."""
    return {_PUT_IN: _words(toxic)}


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
    found = next((toxic for toxic in link.toxics if toxic.name == arguments["toxic"]), None)
    if found is None:
        return f"its toxic on link {arguments['link']} was removed, or its lease ran out"
    if arguments.get(_PUT_IN, _words(found)) != _words(found):
        return f"its toxic on link {arguments['link']} was changed to {_words(found)}"
    return ""


def _words(toxic: ToxicFacts) -> str:
    numbers = ", ".join(f"{name} {value:g}" for name, value in sorted(toxic.attributes.items()))
    return f"{toxic.type} of {toxic.stream} ({numbers}, toxicity {toxic.toxicity:g})"


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
    if process.state != PAUSED:
        return f"{process.name} is {process.state}, not paused"
    # The supervisor knows what it did, and not who sent SIGCONT past it.
    is_thawed = is_loopback(arguments["control_url"]) and is_frozen(str(process.pid)) is False
    return f"{process.name} was thawed by a signal" if is_thawed else ""


_LOOKS: Final[Mapping[str, Callable[[Arguments, Tokens], str]]] = {
    REMOVE_TOXIC: _toxic,
    ENABLE_LINK: _outage,
    RESUME_PROCESS: _pause,
}
