"""The labels that a study is expected to save, in one sentence for its table, page and terminal."""

from typing import TYPE_CHECKING

from priorlift.study.target_forecast import ExpectedSaved

if TYPE_CHECKING:
    from priorlift.study.results import StudyResult


def expected_sentence(result: "StudyResult") -> str:
    """Return what is expected of the best claim at the largest budget, or why nothing is.

    Parameters
    ----------
    result : StudyResult
        A claim that helps goes first, then the one that errs least.

    Returns
    -------
    str
        Empty where no forecast was asked for.
    """
    found = result.forecast
    if found is None:
        return ""
    if found.reason:
        return f"No forecast of labels saved: {found.reason}."
    claim = _best(result)
    if claim is None:
        return ""
    reached = (
        f"{claim.method} with {claim.sources} errs {claim.error:.3f} with {claim.budget:,} labels"
    )
    care = " Read its warnings in the report." if forecast_cautions(result) else ""
    if claim.needed is None:
        return f"Expected labels saved, a forecast: {reached}; {claim.reason}.{care}"
    saved = claim.needed - claim.budget
    gain = f"about {saved:,} labels saved" if saved > 0 else "no labels saved"
    return (
        f"Expected labels saved, a forecast: {reached}, for which the target alone would need "
        f"about {claim.needed:,} ({100 * found.level:g} % band: {band(claim, found.most)}): "
        f"{gain}.{care}"
    )


def forecast_cautions(result: "StudyResult") -> tuple[str, ...]:
    """Return the warnings of a study's forecast, and what the study itself measured against it.

    Parameters
    ----------
    result : StudyResult
        Nothing is said without a forecast.
    """
    found = result.forecast
    if found is None or found.reason:
        return ()
    outside = []
    for point in result.curves:
        if point.method == result.plan.reference and point.budget >= 2:
            measured, (error, low, high) = 1.0 - point.score, found.at(point.budget)
            if not low <= measured <= high:
                outside.append((abs(measured / error - 1.0), point.budget, measured, error))
    if not outside:
        return found.warnings
    _, budget, measured, error = max(outside)
    better = measured < error
    return (
        f"with {budget:,} labels the best target-only model erred {measured:.3f} in this study, "
        f"{'less' if better else 'more'} than the {error:.3f} expected of {found.learner}: labels "
        f"saved over that model are {'fewer' if better else 'more'} than expected here",
        *found.warnings,
    )


def band(claim: ExpectedSaved, most: int) -> str:
    """Return the band of the labels that a claim's error takes without sources."""
    low, high = (
        f"more than {most:,}" if n is None else f"{n:,}"
        for n in (claim.needed_low, claim.needed_high)
    )
    return low if low == high else f"{low} to {high}"


def _best(result: "StudyResult") -> ExpectedSaved | None:
    largest = result.plan.design.largest
    helps = {(v.sources, v.method) for v in result.verdicts if v.verdict == "helps"}
    here = [claim for claim in result.expected_saved if claim.budget == largest]
    return min(
        here,
        key=lambda claim: ((claim.sources, claim.method) not in helps, claim.error),
        default=None,
    )
