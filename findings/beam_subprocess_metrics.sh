#!/usr/bin/env bash
# Apache Beam 2.77 loses a DoFn's counters under with_exception_handling(use_subprocess=True).
# Input: 20 elements through a DoFn that counts each.
# Expected: the counter says 20, as without use_subprocess; the option is about isolation.
# Seen: all elements come through and the counter is not there at all: it was raised in the child and stayed there.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check uv==0.13.9
venv/bin/uv pip install --quiet --python venv/bin/python \
    apache-beam==2.77.0 numpy==2.4.6

venv/bin/python - <<'PYTHON'
import apache_beam as beam
from apache_beam.metrics import Metrics
from apache_beam.testing.util import assert_that, equal_to


class Count(beam.DoFn):
    def process(self, element):
        Metrics.counter("finding", "seen").inc()
        yield element


def counted(**handling):
    """Return the counter's value after 20 elements, None where there is no counter."""
    pipeline = beam.Pipeline(runner="FnApiRunner")
    good, _ = pipeline | beam.Create(range(20)) | beam.ParDo(Count()).with_exception_handling(**handling)
    assert_that(good, equal_to(list(range(20))))
    result = pipeline.run()
    result.wait_until_finish()
    values = [m.committed for m in result.metrics().query()["counters"] if m.key.metric.namespace == "finding"]
    return values[0] if values else None


plain, child = counted(), counted(use_subprocess=True)
print(f"Beam {beam.__version__}: expected 20 and 20; in the process {plain}, in a subprocess {child}")
raise SystemExit(0 if (plain, child) == (20, None) else "the behaviour has changed")
PYTHON
