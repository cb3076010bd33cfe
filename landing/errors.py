"""Errors of the landing and of the object store, grouped by what the caller should do.

LandingError            a landing folder could not be read or written; records landed before are kept
└── ObjectStoreError    an object store could not be read or written; files on the local disk are unchanged
"""

from calcom.errors import ExitCode, OooError


class LandingError(OooError):
    """The landing folder could not be read or written; no record that was landed before is lost."""

    exit_code = ExitCode.WAREHOUSE


class ObjectStoreError(LandingError):
    """The object store could not be read or written; earlier publications, there and on disk, are unchanged."""
