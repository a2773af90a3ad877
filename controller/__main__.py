"""`python -m controller` is `redistimer`."""

from controller.cli import main

main()
