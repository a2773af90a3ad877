"""How evenly numbers are spread."""

from collections import Counter


def chi_square(numbers: list[int], places: int) -> float:
    """How far numbers below `places` are from being spread evenly; about `places` is what chance gives."""
    expected = len(numbers) / places
    found = Counter(numbers)
    return sum((found[place] - expected) ** 2 / expected for place in range(places))
