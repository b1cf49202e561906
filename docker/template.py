"""What Dataflow's template launcher runs."""

import sys

from clipmill.pipeline.cli.dataflow_template import main

main(sys.argv[1:])
