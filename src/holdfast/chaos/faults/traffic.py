"""Whether anybody was there to meet a fault that cuts or silences: what came to the target's edge meanwhile."""

from holdfast.errors import HoldfastError
from holdfast.proxy.client import ProxyClient
from holdfast.workspace.target import Connection


def arrivals(connection: Connection) -> int | None:
    """Connections that came over the balanced links (the edge) since the fault proxy began, the refused ones included.

    What came while a replica was away met its absence: it was refused and tried elsewhere, or it waited. Of a link
    that is down this is the most that can be told, as the kernel refuses unseen. The proxy's own health checks do not
    count. None when nothing counts: no fault proxy, one without balancers, or one that has ended.
    """
    if connection.proxy_url is None:
        return None
    client = ProxyClient(connection.proxy_url)
    try:
        balanced = client.balancers()
        exposure = client.exposure()
    except HoldfastError:
        return None
    came = [exposure[link].connections for link in balanced if link in exposure]
    return sum(came) if came else None
