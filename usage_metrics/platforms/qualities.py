"""What a value of a series is worth, in a word; apart from what makes series."""

FINAL, PROVISIONAL, SPREAD, FROZEN = "final", "provisional", "spread", "frozen"
FELL, RESET, MISSING = "fell", "reset", "missing"
