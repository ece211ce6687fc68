"""What the scripts here throw for everything that is wrong with the user's files."""


class Problem(Exception):
    """Its text says what was wrong, what was found and what is accepted."""
