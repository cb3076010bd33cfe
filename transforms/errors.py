"""The error of the transforms."""

from calcom.errors import ExitCode, OooError


class TransformError(OooError):
    """A frame or a value is not what a transform needs. The message has the expected and the found value."""

    exit_code = ExitCode.TRANSFORM
