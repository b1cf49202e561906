#!/bin/sh
# Makes a virtual environment from nothing: environment.sh FOLDER LOCK...
# PYTHON names the interpreter it is made with. Nothing here is needed a second time, nor the network.
set -eu

folder=$1
shift
python=${PYTHON:-python3}

"$python" -c '
import sys
if sys.version_info < (3, 10):
    sys.exit(f"clipmill needs Python 3.10 or later, {sys.executable} is {sys.version.split()[0]}: make PYTHON=...")
'
"$python" -m venv --clear "$folder"
bin=$folder/bin

# uv installs several times faster than pip; pip does as well where uv cannot reach the index (pip.conf, say).
"$bin/pip" install --quiet --disable-pip-version-check "$(sed -n 's/^\(uv==[0-9.]*\).*/\1/p' requirements.lock)"
export UV_PYTHON_DOWNLOADS=never
for lock; do
    set -- "$@" --requirement "$lock"
    shift
done
# Compiled once here: where Python is told to write no bytecode, each process of a test would compile its modules again.
"$bin/uv" pip install --compile-bytecode --python "$bin/python" "$@" ||
    "$bin/pip" install --disable-pip-version-check "$@"
# setuptools comes from the lock, so that nothing outside it is fetched.
"$bin/pip" install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
"$bin/pip" check
