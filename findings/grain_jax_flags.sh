#!/usr/bin/env bash
# Grain 0.2.18 with JAX 0.10.2: a script that starts Grain's worker processes runs until JAX is installed beside Grain.
# Input: the numbers 0 to 7, read by a DataLoader of one worker process and by mp_prefetch, in a plain script that parses no
# absl flags; first without JAX, then with it, and at last with the flags marked as parsed.
# Expected: the same numbers each time.
# Seen: with JAX both raise absl's UnparsedFlagAccessError (grain_enable_multiprocess_worker_profiling), although the script
# does not import JAX; without workers, or after absl.flags.FLAGS.mark_as_parsed(), the numbers come.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check uv==0.13.9
venv/bin/uv pip install --quiet --python venv/bin/python grain==0.2.18

cat >read.py <<'PYTHON'
import sys

import grain.python as grain
from absl import flags


def numbers(workers):
    sampler = grain.IndexSampler(8, shard_options=grain.NoSharding(), shuffle=False, num_epochs=1)
    return grain.DataLoader(data_source=grain.RangeDataSource(0, 8, 1), sampler=sampler, worker_count=workers)


def prefetched():
    dataset = grain.MapDataset.source(grain.RangeDataSource(0, 8, 1)).to_iter_dataset()
    return dataset.mp_prefetch(grain.MultiprocessingOptions(num_workers=1))


def told(make):
    try:
        return "numbers" if [int(number) for number in make()] == list(range(8)) else "others"
    except flags.Error as error:
        return type(error).__name__


if __name__ == "__main__":
    if "parsed" in sys.argv:
        flags.FLAGS.mark_as_parsed()
    print(told(lambda: numbers(0)), told(lambda: numbers(1)), told(prefetched))
PYTHON

without=$(venv/bin/python read.py 2>without.log | tail -1)
venv/bin/uv pip install --quiet --python venv/bin/python jax==0.10.2
with=$(venv/bin/python read.py 2>with.log | tail -1)
parsed=$(venv/bin/python read.py parsed 2>parsed.log | tail -1)
echo "grain 0.2.18: without workers, a DataLoader with one, mp_prefetch with one"
echo "without JAX:                 expected numbers numbers numbers, got $without"
echo "with JAX 0.10.2:             expected numbers numbers numbers, got $with"
echo "with JAX and parsed flags:   expected numbers numbers numbers, got $parsed"
if [ "$without" != "numbers numbers numbers" ] ||
    [ "$with" != "numbers UnparsedFlagAccessError UnparsedFlagAccessError" ] ||
    [ "$parsed" != "numbers numbers numbers" ]; then
    echo "the behaviour has changed"
    exit 1
fi
