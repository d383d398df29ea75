"""`python -m keras_d3.cli` is `keras-d3`."""

import sys

from keras_d3.cli.parser import main

if __name__ == "__main__":
    sys.exit(main())
