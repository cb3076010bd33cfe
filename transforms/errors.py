"""TransformError: a frame that is not what the step before promised."""

from calcom.errors import ExitCode, OooError


class TransformError(OooError):
    """A transform met a frame it can't work on; the message names the column, the expected and the found."""

    exit_code = ExitCode.TRANSFORM
