"""The fault proxy: TCP links that can be slowed, cut, limited and balanced, behind Toxiproxy 2.x's HTTP API.

    python -m holdfast.proxy --listen 127.0.0.1:0 --config links.json --seed 7 --owner-pipe

A program of its own, because it sits in every link of a stack; `holdfast.proxy.client.ProxyClient` talks to it, and
to a real Toxiproxy as far as that goes. What is beyond Toxiproxy (balancers, leases, exposure) has routes of its
own under /holdfast, so that a real server answers 404 instead of silently dropping an unknown key.
"""
