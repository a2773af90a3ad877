"""Values of options, with messages that say what to write."""

import argparse
from collections.abc import Callable
from pathlib import Path


def number(most: int, least: int = 1) -> Callable[[str], int]:
    """A whole number."""

    def parse(text: str) -> int:
        if not text.isascii() or not text.isdigit() or not least <= int(text) <= most:
            raise argparse.ArgumentTypeError(f"{text!r} is not accepted: write a whole number from {least} to {most}")
        return int(text)

    return parse


def numbers(most: int) -> Callable[[str], list[int]]:
    """Whole numbers, each once, between commas."""

    def parse(text: str) -> list[int]:
        found = [number(most)(part.strip()) for part in text.split(",")]
        if len(set(found)) < len(found):
            raise argparse.ArgumentTypeError(f"{text!r} is not accepted: it names a number twice")
        return found

    return parse


def writable(text: str) -> Path:
    """A file that can be written, in a folder that exists."""
    path = Path(text)
    if not path.parent.is_dir() or path.is_dir():
        raise argparse.ArgumentTypeError(f"{text!r} cannot be written: name a file in a folder that exists")
    return path
