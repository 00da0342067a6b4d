"""What an automatic choice between transferring and not transferring was based on."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from priorlift.core.tables import to_frame


def label(method: str, sources: tuple[str, ...]) -> str:
    """Name a candidate in one phrase.

    Examples
    --------
    >>> label("pooled", ("a", "b"))
    'pooled with a, b'
    """
    return f"{method} with {', '.join(sources)}" if sources else f"{method} without sources"


@dataclass(frozen=True)
class Candidate:
    """One evaluated combination of method and sources.

    Attributes
    ----------
    method : str
        Name of the method.
    sources : tuple of str
        The sources it was given; none for a way of not transferring.
    loss : float
        Mean loss on the rows held out by the inner splits: log-loss, or squared error.
    improvement : float
        Mean paired difference of row losses: the best way of not transferring minus this candidate.
    standard_error : float
        Of the improvement, groups as units; infinite where there is one unit only.
    n_fits : int
        Fits spent on it.
    """

    method: str
    sources: tuple[str, ...]
    loss: float
    improvement: float
    standard_error: float
    n_fits: int

    @property
    def label(self) -> str:
        """Method and sources in one phrase."""
        return label(self.method, self.sources)


@dataclass(frozen=True)
class Skipped:
    """A combination that was not evaluated, or not to the end, and why."""

    method: str
    sources: tuple[str, ...]
    reason: str

    @property
    def label(self) -> str:
        """Method and sources in one phrase."""
        return label(self.method, self.sources)


@dataclass(frozen=True)
class Decision:
    """What was chosen, why, and what else was tried.

    Attributes
    ----------
    method : str
        The chosen method; "target_only" where nothing is transferred.
    sources : tuple of str
        The chosen sources.
    why : str
        The reason in one sentence.
    candidates : tuple of Candidate
        In the order of evaluation.
    skipped : tuple of Skipped
        Combinations that were not compared, each with the reason.
    ranking : tuple of str
        The usable sources in the order in which they were tried.
    n_fits : int
        Fits spent in all, the last one on all training rows included.
    considered : mapping of str to str
        Names and fingerprints of all sources in the pool.
    """

    method: str
    sources: tuple[str, ...]
    why: str
    candidates: tuple[Candidate, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    ranking: tuple[str, ...] = ()
    n_fits: int = 1
    considered: Mapping[str, str] = field(default_factory=dict)

    @property
    def transfers(self) -> bool:
        """Whether any source is learned from."""
        return bool(self.sources)

    def to_frame(self) -> Any:
        """Return one row for each candidate as a pandas, polars or pyarrow table."""
        return to_frame(
            {
                "method": [one.method for one in self.candidates],
                "sources": [", ".join(one.sources) for one in self.candidates],
                "loss": [one.loss for one in self.candidates],
                "improvement": [one.improvement for one in self.candidates],
                "standard_error": [one.standard_error for one in self.candidates],
                "n_fits": [one.n_fits for one in self.candidates],
                "chosen": [self._is_chosen(one) for one in self.candidates],
            }
        )

    def _is_chosen(self, candidate: Candidate) -> bool:
        return (candidate.method, candidate.sources) == (self.method, self.sources)

    def __str__(self) -> str:
        lines = [self.why]
        for one in self.candidates:
            compared = f"{one.improvement:+.4f} +/- {one.standard_error:.4f}"
            mark = "*" if self._is_chosen(one) else " "
            lines.append(f"{mark} loss {one.loss:.4f}  {compared}  {one.label}")
        lines += [f"  skipped: {one.label}: {one.reason}" for one in self.skipped]
        return "\n".join(lines)
