"""Errors a user can meet, each with the exit code the command ends with.

Exit codes: 0 done; 1 the data was refused; 2 the command, an option or the listing
is wrong; 3 worth trying again; 130 interrupted.
"""

from __future__ import annotations


class ClipmillError(Exception):
    """Base of every error that clipmill raises on purpose; its text is one line."""

    exit_code = 1


class DataError(ClipmillError):
    """The data was refused: a budget was passed, verification failed, labels would change."""


class UsageError(ClipmillError):
    """The command, an option, the listing or the output path is wrong."""

    exit_code = 2


class ListingError(UsageError):
    """A listing cannot be read at all (a single bad row is a ledger row instead)."""


class MissingExtra(UsageError):
    """A command needs packages that the installed extras do not bring."""

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(f"{what} needs more packages: pip install 'clipmill[{extra}]'")


class NoSuchDataset(UsageError):
    """There is no published data set at this path, or not the version asked for."""


class TryAgain(ClipmillError):
    """A run that is worth trying again: storage failed, workers were lost, another run published first."""

    exit_code = 3


class StorageError(TryAgain):
    """Storage did not do what was asked, after retries."""


class LostRace(TryAgain):
    """Another run published while this one was building."""


class Interrupted(ClipmillError):
    """The user stopped the run."""

    exit_code = 130


class ClipError(ClipmillError):
    """One clip cannot be made; becomes one row of the ledger.

    Args:
        reason: a value of `clipmill.ledger.Reason`.
        message: one line for the user, without the file's name.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
