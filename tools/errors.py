"""The page of the docs on errors, made from their classes and docstrings."""

from __future__ import annotations

import inspect

from clipmill import errors
from clipmill.errors import ClipmillError
from clipmill.pipeline.runners.flink_rest import JobFailed
from clipmill.reader import BadClip
from clipmill.reader.access.frame_ranges import Vanished
from clipmill.reader.loading.decode import BadFrame
from clipmill.reader.loading.processes import WorkerDied
from clipmill.records.tfrecord import BadRecord
from clipmill.workers.pool import ChildFailed

#: Those that stand beside what raises them.
_ELSEWHERE = (BadClip, BadFrame, BadRecord, Vanished, WorkerDied, ChildFailed, JobFailed)

_HEAD = """\
# Errors and exit codes

<!-- Made by `make generated` from clipmill/errors.py and the docstrings of each error. -->

A command that ends with an error prints one line, and ends with the error's exit code. In Python the same error is
raised, with the same text; `error.exit_code` is the code. [failures.md](failures.md) says why single clips are missing.

| exit code | meaning |
|---|---|
| 0 | done |
| 1 | the data was refused, and nothing was published; or an internal error, with the lines to report |
| 2 | the command, an option or the listing is wrong, or the disk is too small |
| 3 | worth trying again: storage failed, workers were lost, or another run published first |
| 130 | interrupted |

## Errors

Where another error is named behind it, catching that one catches both.

"""


def all_errors() -> list[type[ClipmillError]]:
    """Every error that a user can meet: those of `clipmill.errors` first."""
    own = [value for value in vars(errors).values() if isinstance(value, type) and issubclass(value, ClipmillError)]
    return [*own, *_ELSEWHERE]


def page() -> str:
    """The page docs/errors.md."""
    rows = ["| error | exit code | when | what to do |", "|---|---|---|---|"]
    for error in all_errors():
        when, what_to_do = _said(error)
        (base,) = error.__bases__
        kind = "" if base in (Exception, ClipmillError) else f", a `{base.__name__}`"
        rows.append(f"| `{error.__name__}`{kind} | {error.exit_code} | {when} | {what_to_do} |")
    return _HEAD + "\n".join(rows) + "\n"


def _said(error: type[ClipmillError]) -> tuple[str, str]:
    """What the docstring says of an error: when, and what to do."""
    when, *others = (" ".join(part.split()) for part in (inspect.getdoc(error) or "").split("\n\n"))
    (what_to_do,) = (part.removeprefix("What to do: ") for part in others if part.startswith("What to do: "))
    return when.rstrip("."), what_to_do.rstrip(".")
