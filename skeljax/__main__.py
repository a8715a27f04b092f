"""`python -m skeljax` is the command `skeljax`."""

import sys

from skeljax.cli.main import main

sys.exit(main())
