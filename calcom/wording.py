"""The wording that the messages and outputs of all packages share."""


def count_of(number: int, noun: str, plural: str | None = None) -> str:
    """Return the number with the noun that agrees with it, such as `1 row` and `2,467 rows`.

    `plural` is the plural of the noun, if it is not the noun with an `s`.
    """
    return f"{number:,} {noun if number == 1 else plural or f'{noun}s'}"
