"""`python -m controller` is `redistimer`."""

from controller.cli.app import main

main()
