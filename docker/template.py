"""What Dataflow's template launcher runs."""

import sys

from clipmill.pipeline.runners.template import main

main(sys.argv[1:])
