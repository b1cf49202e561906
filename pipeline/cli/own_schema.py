"""A record schema on the command line: a name, or a TOML file that declares one."""

from __future__ import annotations

from importlib import import_module

from clipmill.layout import OWN
from clipmill.pipeline.cli.config import read_toml


class OrOwn(tuple[str, ...]):
    """Names of schemas, and any that a user declared."""

    def __contains__(self, name: object) -> bool:
        return super().__contains__(name) or str(name).startswith(f"{OWN}:")


def schema_of(text: str) -> str:
    """Return the name of a schema; of FILE.toml the name that holds all that the file declares.

    Raises:
        UsageError: the file is not there, or declares no schema.
    """
    if not text.endswith(".toml"):
        return text
    # Named, not imported: it loads NumPy, and a command line needs it for such a file alone.
    name: str = import_module("clipmill.records.own").own_name(read_toml(text, "--schema"), text)
    return name
