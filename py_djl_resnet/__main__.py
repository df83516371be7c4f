"""``python -m py_djl_resnet``."""

import sys

from .cli import main

if __name__ == "__main__":
    sys.exit(main())
