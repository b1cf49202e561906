#!/usr/bin/env bash
# JAX 0.10.2 on the CPU: device_put(array, may_alias=False), documented as a copy, gives the NumPy array's own memory, as
# device_put(array) does; a loader that fills its buffers again changes arrays that JAX calls immutable.
# Input: uint8 arrays of 1 MiB that begin at, and one byte behind, a multiple of 64 bytes; each is given to JAX, then
# overwritten by its owner.
# Expected: with may_alias=False ("If False, `x` will be copied", says its docstring) JAX's array keeps its values.
# Seen: the aligned array shares its memory and changes, with may_alias=False as without; the other is copied.
# jax.numpy.asarray copies both.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check uv==0.13.9
venv/bin/uv pip install --quiet --python venv/bin/python jax==0.10.2 jaxlib==0.10.2 numpy==2.4.6

cat >share.py <<'PYTHON'
import functools

import jax
import numpy as np

SIZE = 1 << 20
WAYS = {
    "device_put": jax.device_put,
    "device_put(may_alias=False)": functools.partial(jax.device_put, may_alias=False),
    "jax.numpy.asarray": jax.numpy.asarray,
}


def buffer(offset):
    room = np.zeros(SIZE + 128, np.uint8)
    begin = -room.ctypes.data % 64 + offset
    return room[begin : begin + SIZE]


print("jax", jax.__version__, jax.devices()[0].platform)
for name, way in WAYS.items():
    seen = []
    for offset in (0, 1):
        batch = buffer(offset)
        held = way(batch)
        held.block_until_ready()
        batch[:] = 7
        seen.append("changed" if int(held[0]) == 7 else "kept")
    print(f"{name}: aligned {seen[0]}, one byte behind {seen[1]}")
PYTHON

got=$(JAX_PLATFORMS=cpu venv/bin/python share.py 2>share.log)
echo "$got"
expected="jax 0.10.2 cpu
device_put: aligned changed, one byte behind kept
device_put(may_alias=False): aligned changed, one byte behind kept
jax.numpy.asarray: aligned kept, one byte behind kept"
if [ "$got" != "$expected" ]; then
    echo "the behaviour has changed"
    exit 1
fi
