"""Videos that are not where their rows say: looked for by name, all at once, when the first of them is met."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

from clipmill.errors import ClipError
from clipmill.estimate.elsewhere import look_for
from clipmill.messages import ClipRow
from clipmill.options import BuildOptions
from clipmill.pipeline.first_epoch.schedule import Resolving
from clipmill.storage import open_storage


class Absent:
    """Keeps what was asked of absent videos until it is known where they are.

    Args:
        options: of the build.
        rows: iterates over all rows of the listing.
        found: is called in another thread once the search has ended, with the error that ended it or None.
    """

    def __init__(
        self, options: BuildOptions, rows: Callable[[], Iterator[ClipRow]], found: Callable[[Exception | None], None]
    ) -> None:
        self._options = options
        self._rows = rows
        self._found = found
        self._waiting: list[tuple[Resolving, ClipError]] = []
        self._paths: dict[str, str] | None = None
        self.searching = False

    def add(self, work: Resolving, missing: ClipError) -> None:
        """Keep a question whose video is missing, and search if that was not done yet."""
        self._waiting.append((work, missing))
        if self._paths is not None:
            self._found(None)
        elif not self.searching:
            self.searching = True
            threading.Thread(target=self._search, name="clipmill-finder", daemon=True).start()

    def take(self) -> Iterator[tuple[Resolving, ClipError, str]]:
        """Give back each question with the path of the file that has its video's name, "" for none."""
        self.searching = False
        waiting, self._waiting = self._waiting, []
        for work, missing in waiting:
            yield work, missing, (self._paths or {}).get(work.rows[0].video, "")

    def _search(self) -> None:
        try:
            self._paths = look_for(open_storage(self._options.videos), self._rows(), self._options).paths
        except Exception as error:
            self._found(error)
        else:
            self._found(None)
