"""The errors a user can cure, and the exit codes of the command line."""

EXIT_DONE = 0
EXIT_FAILED = 1  # an experiment failed, or a comparison did not hold
EXIT_INPUT = 2  # the input was wrong
EXIT_INTERRUPTED = 130


class InputError(Exception):
    """What the user gave cannot be used.

    The message is one sentence for the terminal: what was expected, what was found, where, and what to do.
    """


class ExperimentError(Exception):
    """One experiment cannot give a number; its record carries this reason, and the study goes on."""
