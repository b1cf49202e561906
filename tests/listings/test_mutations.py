"""Every listing of the field with damage in it: rows, ledger rows, or one error that names the file."""

from __future__ import annotations

import pytest
from field_listings import write_all
from listed import Listed
from mutating import mutated

from clipmill.errors import UsageError

#: Of each listing; more are tried by hand.
TIMES = 12


@pytest.fixture(scope="module")
def samples(tmp_path_factory):
    folder = tmp_path_factory.mktemp("field")
    return [(folder / "damaged" / path.name, path.read_bytes()) for _, path in write_all(folder)]


def test_damage_ends_in_rows_or_in_an_error_that_names_the_file(samples):
    refused = read = 0
    for number, (path, whole) in enumerate(samples):
        path.parent.mkdir(exist_ok=True)
        for seed in range(TIMES):
            path.write_bytes(mutated(whole, 1000 * number + seed))
            try:
                found = Listed(path, videos=str(path.parent))
            except UsageError as error:
                assert "\n" not in str(error) and path.name in str(error), (path.name, seed, str(error))
                refused += 1
            else:
                read += 1
                assert len(found.items) == len(found.clips) + len(found.failures)
    assert min(refused, read) > len(samples)


@pytest.mark.parametrize(
    "rest", [" 1" * 100_000, "," * 200_000, "x" * (10 << 20), '"' + "x" * (10 << 20), "[" * 200_000]
)
@pytest.mark.parametrize("head", ["x.mp4 0\n", "imgs/x 5 1\n", "path,label\n", '{"path": "x.mp4"}\n', "1;run\n"])
def test_a_line_that_is_far_too_long_is_one_bad_row(tmp_path, head, rest):
    path = tmp_path / "l.txt"
    path.write_text(f"{head}{head if ' ' in head else ''}y.mp4{rest}\n" + ("" if "path" in head else head))
    read = Listed(path)
    assert [len(failure.message) < 200 for failure in read.failures] == [True]
    assert read.clips or "path" in head


def test_a_million_columns_are_refused(tmp_path):
    path = tmp_path / "l.csv"
    path.write_text("path," + ",".join(map(str, range(1_000_000))) + "\nx.mp4\n")
    with pytest.raises(UsageError, match="first line is far too long"):
        Listed(path)
