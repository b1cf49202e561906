"""Keeping the signatures of a build with the version that it published."""

from __future__ import annotations

from clipmill.errors import StorageError
from clipmill.layout import version_path
from clipmill.leaks.find import find_leaks
from clipmill.leaks.found import kept_leaks
from clipmill.reader.dataset import Dataset
from clipmill.signatures.clip_signatures import NAME, read_table, remove_waiting
from clipmill.storage import Storage


def keep_signatures(storage: Storage, version: str) -> None:
    """Keep the signatures of a version's clips with it, and the pairs of them that show the same, as `leaks` does.

    Args:
        storage: of the data set.
        version: a version that is whole.

    Raises:
        StorageError: they could not be written.
    """
    path = version_path(version, NAME)
    if read_table(storage, path) is None or kept_leaks(storage, version) is None:
        find_leaks(Dataset(storage, version))
    table = read_table(storage, path)
    if table is None or kept_leaks(storage, version) is None:
        raise StorageError(f"{storage.root}/{path}: could not be written; run the build again")
    remove_waiting(storage, table["clip_key"])
