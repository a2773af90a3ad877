"""What goes wrong with a local stack, worded for the person who started it."""


class StackError(Exception):
    """The local stack cannot do what was asked; the message says what was found and what to do."""


class ComponentError(StackError):
    """A component ended while it was starting, or did not become ready; the message carries its last log lines."""


class PortTakenError(ComponentError):
    """Somebody bound the chosen port first; starting again with other ports helps."""
