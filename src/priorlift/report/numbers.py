"""How a page writes numbers: one form for each kind of quantity, and a word where there is none."""

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass

NONE = "\N{EN DASH}"
MINUS = "\N{MINUS SIGN}"


@dataclass(frozen=True)
class Scale:
    """How many digits the values of one table need.

    Parameters
    ----------
    decimals : int
        Digits after the point.
    """

    decimals: int

    @classmethod
    def of(cls, values: Iterable[float | None]) -> "Scale":
        """Choose for values of one kind: three decimals, unless all are tiny or some are huge.

        Examples
        --------
        >>> Scale.of([0.031, -0.2]).decimals, Scale.of([1500.0]).decimals, Scale.of([2e-4]).decimals
        (3, 0, 6)
        """
        known = [abs(v) for v in values if v is not None and math.isfinite(v) and v != 0]
        largest = max(known, default=1.0)
        if 0.01 <= largest < 100:
            return cls(3)
        return cls(min(12, max(0, 2 - math.floor(math.log10(largest)))))

    def signed(self, value: float | None) -> str:
        """Write a difference with its sign.

        Examples
        --------
        >>> Scale(3).signed(0.0312), Scale(3).signed(-0.5) == f"{MINUS}0.500"
        ('+0.031', True)
        """
        return minus(f"{value:+,.{self.decimals}f}") if finite(value) else NONE

    def plain(self, value: float | None) -> str:
        """Write a score."""
        return minus(f"{value:,.{self.decimals}f}") if finite(value) else NONE

    def interval(self, low: float | None, high: float | None) -> str:
        """Write the interval of a difference.

        Examples
        --------
        >>> Scale(3).interval(0.01, 0.05), Scale(3).interval(float("nan"), 1.0)
        ('+0.010 to +0.050', 'no interval')
        """
        if not (finite(low) and finite(high)):
            return "no interval"
        return f"{self.signed(low)} to {self.signed(high)}"


def finite(value: float | None) -> bool:
    """Whether there is a number to write."""
    return value is not None and math.isfinite(value)


def minus(text: str) -> str:
    """Write negative decimals in a sentence with a minus sign instead of a hyphen.

    Examples
    --------
    >>> minus("-0.031 for a-1").replace(MINUS, "minus ")
    'minus 0.031 for a-1'
    """
    return re.sub(r"(?<![^\s(])-(?=[\d,]+(\.\d+)?(?![\w.]*\w))", MINUS, text)


def seconds(value: float | None) -> str:
    """Write a duration.

    Examples
    --------
    >>> seconds(0.0421), seconds(12.34), seconds(83.0), seconds(3723.0)
    ('42 ms', '12.3 s', '1 min 23 s', '1 h 2 min')
    """
    if value is None or not math.isfinite(value):
        return NONE
    if value < 60:
        return f"{1000 * value:.0f} ms" if value < 1 else f"{value:.1f} s"
    minutes, rest = divmod(round(value), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def memory(megabytes: float | None) -> str:
    """Write an amount of memory.

    Examples
    --------
    >>> memory(312.4), memory(2048.0)
    ('312 MiB', '2.0 GiB')
    """
    if megabytes is None or not math.isfinite(megabytes):
        return NONE
    return f"{megabytes:.0f} MiB" if megabytes < 1024 else f"{megabytes / 1024:.1f} GiB"


def count(number: int, what: str, plural: str | None = None) -> str:
    """Write a number of things.

    Examples
    --------
    >>> count(1, "source"), count(1200, "row"), count(2, "class", "classes")
    ('1 source', '1,200 rows', '2 classes')
    """
    return f"{number:,} {what if number == 1 else plural or what + 's'}"


def percent(share: float) -> str:
    """Write a confidence level, with a space that does not break.

    Examples
    --------
    >>> percent(0.95).split(), percent(0.9917).split()
    (['95', '%'], ['99.2', '%'])
    """
    return f"{round(100 * share, 1):g}\N{NO-BREAK SPACE}%"


def labels(value: float, beyond: bool, below: bool) -> str:
    """Write a number of labels that may lie beyond the end of a learning curve.

    Examples
    --------
    >>> labels(22.4, False, False), labels(130.0, True, False)
    ('22', 'more than 130')
    """
    number = minus(f"{round(value) + 0:,d}")
    if beyond:
        return f"more than {number}"
    return f"less than {number}" if below else number
