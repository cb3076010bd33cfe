"""TransformError: a frame that is not what the step before promised."""


class TransformError(Exception):
    """A transform met a frame it can't work on; the message names the column, the expected and the found."""
