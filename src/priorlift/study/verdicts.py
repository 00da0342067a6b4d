"""Verdicts: whether a source helps, hurts, or nothing is shown, all claims read together.

*helps* asks for two things: the estimator with sources beats the same estimator without them, and
it beats the best target-only reference, because a class can be a weak opponent to itself. *hurts*
is judged against the same class. All claims of a study at its largest budget are one family and are
adjusted with Holm's method; the unadjusted intervals stay beside the adjusted ones.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from priorlift.core.errors import InputError
from priorlift.study.holm import holm
from priorlift.study.interval import Interval

VerdictWord: TypeAlias = Literal["helps", "hurts", "not shown", "equivalent"]


@dataclass(frozen=True)
class Claim:
    """One (sources, method) pair whose lift is to be judged.

    Parameters
    ----------
    sources : str
        Name of the source or set of sources.
    method : str
        Name of the transfer method.
    against_same_class : Interval
        Lift over the same estimator fitted without sources.
    against_reference : Interval, optional
        Lift over the best target-only reference, chosen by inner validation.
    budget : int, optional
        Labelled target rows that were trained on.
    n_labels : int, optional
        Labelled target rows behind the interval; scales `Verdict.labels_to_settle`.
    reference : str, optional
        Name of the target-only reference.
    metric : str, optional
        Name of the score.
    """

    sources: str
    method: str
    against_same_class: Interval
    against_reference: Interval | None = None
    budget: int | None = None
    n_labels: int | None = None
    reference: str | None = None
    metric: str | None = None


@dataclass(frozen=True)
class Verdict:
    """What a claim came to, with the intervals that it rests on.

    Parameters
    ----------
    claim : Claim
        The claim, with its unadjusted intervals.
    verdict : {"helps", "hurts", "not shown", "equivalent"}
        The word.
    reason : str
        One sentence for a reader.
    level, adjusted_level : float
        Confidence level of the family and of this claim's adjusted intervals.
    p_value, adjusted_p_value : float
        Of "neither helps nor hurts", before and after Holm's adjustment.
    against_same_class, against_reference : Interval or None
        Unadjusted, at `level`.
    adjusted_against_same_class, adjusted_against_reference : Interval or None
        At `adjusted_level`.
    n_claims : int
        Size of the family.
    min_lift : float
        Practical threshold.
    labels_to_settle : int or None
        For *not shown*: labels at which an interval, shrinking as 1/sqrt, would settle the claim if
        the estimates stayed as they are; None if none would, or the claim has no `n_labels`.
    """

    claim: Claim
    verdict: VerdictWord
    reason: str
    level: float
    adjusted_level: float
    p_value: float
    adjusted_p_value: float
    against_same_class: Interval
    against_reference: Interval | None
    adjusted_against_same_class: Interval
    adjusted_against_reference: Interval | None
    n_claims: int
    min_lift: float
    labels_to_settle: int | None

    @property
    def sources(self) -> str:
        """Name of the source or set of sources."""
        return self.claim.sources

    @property
    def method(self) -> str:
        """Name of the transfer method."""
        return self.claim.method

    @property
    def budget(self) -> int | None:
        """Labelled target rows that were trained on."""
        return self.claim.budget

    def to_dict(self) -> dict[str, Any]:
        """Give one flat row of plain values for a table or a JSON file."""
        row: dict[str, Any] = {
            "sources": self.claim.sources,
            "method": self.claim.method,
            "budget": self.claim.budget,
            "metric": self.claim.metric,
            "reference": self.claim.reference,
            "verdict": self.verdict,
            "reason": self.reason,
        }
        row |= _columns("lift", self.against_same_class)
        row |= _columns("lift_adjusted", self.adjusted_against_same_class)
        row |= _columns("over_reference", self.against_reference)
        row |= _columns("over_reference_adjusted", self.adjusted_against_reference)
        return row | {
            "formula": self.against_same_class.formula,
            "n_units": self.against_same_class.n_units,
            "p_value": self.p_value,
            "adjusted_p_value": self.adjusted_p_value,
            "level": self.level,
            "adjusted_level": self.adjusted_level,
            "n_claims": self.n_claims,
            "min_lift": self.min_lift,
            "n_labels": self.claim.n_labels,
            "labels_to_settle": self.labels_to_settle,
        }


def decide(
    claims: Iterable[Claim], *, level: float = 0.95, min_lift: float = 0.0
) -> tuple[Verdict, ...]:
    """Judge claims as one family.

    The null hypothesis of a claim is that it neither helps nor hurts: that 0 <= lift <= `min_lift`
    against the same class or, for a positive estimate, that the lift over the reference is at most
    `min_lift`. So a claim to help carries the larger of its two p-values into Holm's adjustment,
    and the chance of any false *helps* or *hurts* stays below 1 - `level`. The word is then read
    from the intervals at the claim's adjusted level: *helps* above `min_lift` against both, *hurts*
    below 0 against the same class, *equivalent* within +-`min_lift`, else *not shown*.

    Parameters
    ----------
    claims : iterable of Claim
        All (sources, method) claims of a study at its largest budget.
    level : float, default 0.95
        Confidence level of the family.
    min_lift : float, default 0.0
        Practical threshold, not negative, in units of the metric.

    Returns
    -------
    tuple of Verdict
        In the order of the claims, which has no other influence.

    Raises
    ------
    InputError
        If `min_lift` is negative or `level` lies outside (0, 1).
    """
    if not 0 < level < 1:
        raise InputError(f"level must lie between 0 and 1, not {level}")
    if not min_lift >= 0:
        raise InputError(f"min_lift must not be negative, got {min_lift}")
    family = tuple(claims)
    p_values = [_p_value(claim, min_lift) for claim in family]
    adjusted = holm(p_values, level)
    return tuple(
        _judge(claim, p, answer.p_value, answer.level, level, min_lift, len(family))
        for claim, p, answer in zip(family, p_values, adjusted, strict=True)
    )


def labels_to_settle(claim: Claim, *, level: float = 0.95, min_lift: float = 0.0) -> int | None:
    """Labels at which a claim would be settled, the half-widths shrinking as 1/sqrt.

    Parameters
    ----------
    claim : Claim
        With `n_labels`.
    level : float, default 0.95
        Confidence level that the intervals are read at.
    min_lift : float, default 0.0
        Practical threshold.

    Returns
    -------
    int or None
        The smallest number that would show *helps*, *hurts* or *equivalent* if the estimates
        stayed as they are; None where none would.
    """
    same, reference = claim.against_same_class.at(level), claim.against_reference
    if claim.n_labels is None or same.reason is not None:
        return None
    gaps = [_shrink(same, -same.estimate), _shrink(same, min_lift - abs(same.estimate))]
    helping = [_shrink(same, same.estimate - min_lift)]
    if reference is not None:
        helping.append(_shrink(reference.at(level), reference.estimate - min_lift))
    gaps.append(max(helping))
    needed = claim.n_labels * min(gaps) ** 2
    return math.ceil(needed) if math.isfinite(needed) else None


def _judge(
    claim: Claim,
    p_value: float,
    adjusted_p_value: float,
    adjusted_level: float,
    level: float,
    min_lift: float,
    n_claims: int,
) -> Verdict:
    same, reference = claim.against_same_class, claim.against_reference
    same_adjusted = same.at(adjusted_level)
    reference_adjusted = None if reference is None else reference.at(adjusted_level)
    word = _word(same_adjusted, reference_adjusted, min_lift)
    labels = None
    if word == "not shown":
        labels = labels_to_settle(claim, level=adjusted_level, min_lift=min_lift)
    return Verdict(
        claim=claim,
        verdict=word,
        reason=_reason(word, same_adjusted, reference_adjusted, min_lift),
        level=level,
        adjusted_level=adjusted_level,
        p_value=p_value,
        adjusted_p_value=adjusted_p_value,
        against_same_class=same.at(level),
        against_reference=None if reference is None else reference.at(level),
        adjusted_against_same_class=same_adjusted,
        adjusted_against_reference=reference_adjusted,
        n_claims=n_claims,
        min_lift=min_lift,
        labels_to_settle=labels,
    )


def _p_value(claim: Claim, min_lift: float) -> float:
    same, reference = claim.against_same_class, claim.against_reference
    if _middle(same) < 0:
        return same.p_value
    p_value = _p_above(same, min_lift)
    return p_value if reference is None else max(p_value, _p_above(reference, min_lift))


def _p_above(interval: Interval, min_lift: float) -> float:
    return interval.p_value_against(min_lift) if _middle(interval) > min_lift else 1.0


def _middle(interval: Interval) -> float:
    return interval.centre if math.isfinite(interval.centre) else interval.estimate


def _above(interval: Interval, lift: float) -> bool:
    return interval.reason is None and interval.low > lift


def _word(same: Interval, reference: Interval | None, min_lift: float) -> VerdictWord:
    if same.reason is not None:
        return "not shown"
    if same.high < 0:
        return "hurts"
    if _above(same, min_lift) and (reference is None or _above(reference, min_lift)):
        return "helps"
    if min_lift > 0 and same.low >= -min_lift and same.high <= min_lift:
        return "equivalent"
    return "not shown"


def _reason(word: VerdictWord, same: Interval, reference: Interval | None, min_lift: float) -> str:
    threshold = f" by more than {min_lift:g}" if min_lift > 0 else ""
    if word == "helps" and reference is None:
        return (
            f"beats its own baseline{threshold} ({_range(same)}); "
            "no target-only reference was there to compare with"
        )
    if word == "helps" and reference is not None:
        return (
            f"beats its own baseline ({_range(same)}) and the best target-only model "
            f"({_range(reference)}){threshold}"
        )
    if word == "hurts":
        return f"falls below its own baseline ({_range(same)})"
    if word == "equivalent":
        return f"differs from its own baseline by less than {min_lift:g} ({_range(same)})"
    return _reason_not_shown(same, reference, min_lift, threshold)


def _reason_not_shown(
    same: Interval, reference: Interval | None, min_lift: float, threshold: str
) -> str:
    if same.reason is not None:
        return same.reason
    if not _above(same, min_lift):
        bound = f"the threshold {min_lift:g}" if min_lift > 0 else "zero"
        return f"the interval against its own baseline reaches {bound} ({_range(same)})"
    start = f"beats its own baseline{threshold} but not the best target-only model"
    if reference is not None and reference.reason is not None:
        return f"{start}: {reference.reason}"
    return start if reference is None else f"{start} ({_range(reference)})"


def _range(interval: Interval) -> str:
    return f"{interval.estimate:+.3f}, {interval.low:+.3f} to {interval.high:+.3f}"


def _shrink(interval: Interval, distance: float) -> float:
    """Factor by which the half-width must shrink to fit into a distance; infinite if it cannot."""
    if interval.reason is not None or not distance > 0:
        return math.inf
    return max(1.0, interval.half_width / distance)


def _columns(prefix: str, interval: Interval | None) -> dict[str, float | None]:
    if interval is None:
        return {prefix: None, f"{prefix}_low": None, f"{prefix}_high": None}
    return {
        prefix: interval.estimate,
        f"{prefix}_low": interval.low,
        f"{prefix}_high": interval.high,
    }
