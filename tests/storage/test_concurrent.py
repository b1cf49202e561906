from __future__ import annotations

import threading
import time

import pytest

from clipmill.storage.concurrent import ahead


def test_results_come_in_order_however_long_each_takes():
    def slow(number: int) -> int:
        time.sleep(0.02 if number % 7 == 0 else 0)
        return number * number

    assert list(ahead(slow, range(200))) == [number * number for number in range(200)]


def test_many_wait_at_once_and_not_all():
    taken = []

    def items():
        for number in range(1000):
            taken.append(number)
            yield number

    results = ahead(lambda number: number, items())
    assert next(results) == 0
    assert 10 <= len(taken) <= 100, "some are under way, the rest is not looked at yet"
    results.close()


def test_what_is_heavy_goes_alone():
    under_way = [0]
    most = [0]
    lock = threading.Lock()

    def work(weight: int) -> int:
        with lock:
            under_way[0] += weight
            most[0] = max(most[0], under_way[0])
        time.sleep(0.005)
        with lock:
            under_way[0] -= weight
        return weight

    weights = [3, 5, 40, 2, 2, 9, 40, 1] * 4
    assert list(ahead(work, weights, weigh=lambda weight: weight, most=10)) == weights
    assert most[0] == 40, "one that is above the limit, and none beside it"


def test_the_first_error_ends_it():
    done = []

    def work(number: int) -> int:
        if number == 5:
            raise OSError("gone")
        done.append(number)
        return number

    with pytest.raises(OSError, match="gone"):
        list(ahead(work, range(10_000)))
    assert len(done) < 1000
