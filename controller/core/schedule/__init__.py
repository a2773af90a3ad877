"""When a timer is due. Start with `occurrences.py`: what every schedule answers; `reading.py` makes one of a spec."""
