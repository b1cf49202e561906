"""Errors a user can meet, each with the exit code the command ends with; docs/errors.md is made from them.

Exit codes: 0 done; 1 the data was refused; 2 the command, an option or the listing
is wrong; 3 worth trying again; 130 interrupted.
"""

from __future__ import annotations


class ClipmillError(Exception):
    """Base of every error that clipmill raises on purpose; its text is one line.

    What to do: catch this one to catch them all; `exit_code` says whether another try can help (3).
    """

    exit_code = 1


class DataError(ClipmillError):
    """The data was refused: a budget was passed, verification failed, labels would change.

    What to do: look at what the message names, with `clipmill failures OUT` or `clipmill verify OUT`; then mend the
    data, or allow it with the option that the message names. What was decoded is kept.
    """


class UsageError(ClipmillError):
    """The command, an option, the listing or the output path is wrong.

    What to do: correct the word that the message names; the same command fails again.
    """

    exit_code = 2


class ListingError(UsageError):
    """A listing cannot be read at all (a single bad row is a ledger row instead).

    What to do: correct the file at the line that the message names, or say what it is with `--format` or `--columns`.
    """


class MissingExtra(UsageError):
    """A command needs packages that the installed extras do not bring.

    What to do: run the line of pip that the message ends with.
    """

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(f"{what} needs more packages: pip install 'clipmill[{extra}]'")


class NoSuchDataset(UsageError):
    """There is no published data set at this path, or not the version asked for.

    What to do: check the path; `clipmill versions OUT` lists what there is.
    """


class TryAgain(ClipmillError):
    """A run that is worth trying again: storage failed, workers were lost, another run published first.

    What to do: run the same command again; it goes on where it stopped.
    """

    exit_code = 3


class StorageError(TryAgain):
    """Storage did not do what was asked, after retries.

    What to do: see that the disk has room and the store answers, then run the same command again.
    """


class LostRace(TryAgain):
    """Another run published while this one was building.

    What to do: run the same command again; it builds on what the other published.
    """


class Interrupted(ClipmillError):
    """The user stopped the run.

    What to do: run the same command again, when it suits; it goes on where it stopped.
    """

    exit_code = 130


class ClipError(ClipmillError):
    """One clip cannot be made; becomes one row of the ledger, so that no command ends with it.

    What to do: look its reason up in `clipmill failures OUT`.

    Args:
        reason: a value of `clipmill.ledger.Reason`.
        message: one line for the user, without the file's name.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
