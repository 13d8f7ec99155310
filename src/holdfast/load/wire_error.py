"""What can go wrong on a connection beside what the system says."""


class WireError(Exception):
    """An answer breaks the protocol, or a limit of ours. The text is a low-cardinality reason: "HeaderTooLarge"."""


class NeverSentError(ConnectionError):
    """A kept connection turned out to be closed before the first byte of the request was handed over."""
