"""Jobs of children that do many elements at once: what one does not do, and those of one that died, go alone."""

from __future__ import annotations

from concurrent.futures import Future

import pytest

from clipmill.errors import ClipError
from clipmill.ledger import Reason
from clipmill.options import BuildOptions, ListingOptions
from clipmill.transforms import children
from clipmill.transforms.children import InChildren


class Squares:
    """A pool that squares numbers: it dies of 6, and of 3 says only when asked for it alone that it is no good."""

    most_in_flight = 2

    def __init__(self):
        self.jobs = []

    def submit(self, job):
        self.jobs.append(job)
        future = Future()
        numbers = job if isinstance(job, list) else [job]
        if 6 in numbers:
            future.set_exception(ClipError(Reason.CRASHED, "died"))
        elif job == 3:
            future.set_exception(ClipError(Reason.CORRUPT, "no good"))
        else:
            squares = [None if number == 3 else number**2 for number in numbers]
            future.set_result(squares if isinstance(job, list) else squares[0])
        return future


class Squared(InChildren):
    def job(self, element):
        return element

    def job_of_many(self, elements):
        return list(elements)

    def finished(self, element, result):
        yield element, result.reason if isinstance(result, ClipError) else result


@pytest.mark.parametrize("together", [1, 2, 3, 4, 100])
def test_every_element_gets_its_result_however_many_go_together(together, monkeypatch):
    pool = Squares()
    monkeypatch.setattr(children, "children", lambda options: pool)
    monkeypatch.setattr(children, "_TOGETHER", together)
    squared = Squared(BuildOptions(ListingOptions(("listing",)), "out", "run", tell_seconds=0.0))
    squared.start_bundle()
    found = [output for number in range(10) for output in squared.fly_together(number)]
    found += [output for number in range(10, 13) for output in squared.fly(number)]
    found += [output.value for output in squared.finish_bundle()]
    assert len(found) == 13
    assert dict(found) == {n: n**2 for n in range(13)} | {3: Reason.CORRUPT, 6: Reason.CRASHED}
    alone = [job for job in pool.jobs if not isinstance(job, list)]
    with_6 = next(job for job in pool.jobs if isinstance(job, list) and 6 in job)
    assert sorted(alone) == sorted({*with_6, 3, 10, 11, 12})
