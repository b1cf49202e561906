"""`python -m clipmill`: the same as the clipmill command."""

import sys

from clipmill.pipeline.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
