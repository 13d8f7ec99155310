"""What an answer can do wrong: it breaks the protocol, or a limit of ours."""


class WireError(Exception):
    """The text is a low-cardinality reason: "HeaderTooLarge", "BadEncoding"."""
