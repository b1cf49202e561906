"""What Dataflow's template launcher runs."""

import sys

from pipeline.template import main

main(sys.argv[1:])
