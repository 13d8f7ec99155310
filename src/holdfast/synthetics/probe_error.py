"""The one error of ours that says the prober broke. Apart, since whoever looks for a browser needs no Playwright."""


class ProbeError(Exception):
    """The prober broke: no browser, no page, a crash. Says nothing about the target."""
