#!/usr/bin/env bash
# apache-beam 2.77.0: inside an IPython kernel every transform that is applied needs pandas, which Beam does not install.
# Input: a pipeline of one Create, applied in a notebook of one cell; the same lines as a script.
# Expected: both build the graph, since `pip install apache-beam` brings what a graph needs.
# Seen: the script does; the cell ends with ModuleNotFoundError, since Pipeline.apply looks for a kernel
# (utils/interactive_utils.py), and where there is one imports runners.interactive, which imports pandas.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check uv==0.13.9
venv/bin/uv pip install --quiet --python venv/bin/python \
    apache-beam==2.77.0 ipykernel==7.2.0 nbclient==0.10.4 nbformat==5.10.4

cat > graph.py <<'PYTHON'
import apache_beam as beam

pipeline = beam.Pipeline()
pipeline | beam.Create([1])
print("a graph of", len(pipeline.transforms_stack[0].parts), "transform")
PYTHON
venv/bin/python graph.py

venv/bin/python - <<'PYTHON'
from importlib.metadata import version

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(open("graph.py").read())])
print("apache-beam", version("apache-beam"))
try:
    NotebookClient(notebook, kernel_name="python3").execute()
    raised = "nothing"
except CellExecutionError as error:
    raised = f"{error.ename}: {error.evalue}"
print("expected a graph in the notebook too, raised", raised)
raise SystemExit(0 if raised == "ModuleNotFoundError: No module named 'pandas'" else "the behaviour has changed")
PYTHON
