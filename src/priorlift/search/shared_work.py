"""What a search shared: who solved which settings, why not together, and what that saved."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from priorlift.core.memory import readable

WHOLE = "scikit-learn"
PLAIN = "plain fit"


@dataclass(frozen=True)
class Group:
    """Settings of one last step behind one chain, over all folds.

    Parameters
    ----------
    steps : str
        The steps before the last, by class.
    head : str
        The last step's class.
    solved_by : str
        Name of the family that solved them together; "moments" for the second-moment engine; "plain
        fit" where the last step was fitted setting by setting behind a shared chain;
        "scikit-learn" where a candidate was fitted whole.
    reason : str
        Why no family solved them; empty where one did.
    n_scores : int
        Settings times folds.
    """

    steps: str
    head: str
    solved_by: str
    reason: str
    n_scores: int


@dataclass(frozen=True)
class SharedWork:
    """The account of a search's work.

    Parameters
    ----------
    groups : tuple of Group
        Most scores first.
    transformer_fits : int
        Transformers that were fitted.
    transformer_fits_alone : int
        Transformers that fits one by one would have needed.
    head_fits : int
        Last steps that were fitted setting by setting.
    scores : int
        Candidates times folds.
    peak_bytes : int
        The most bytes of rows that one worker held at once, measured.
    announced_bytes : int
        The estimate made before the search began, for all workers.

    Examples
    --------
    >>> work = SharedWork((Group("StandardScaler", "Ridge", "ridge", "", 40),), 2, 40, 0, 40)
    >>> work.fits_saved
    78
    """

    groups: tuple[Group, ...] = ()
    transformer_fits: int = 0
    transformer_fits_alone: int = 0
    head_fits: int = 0
    scores: int = 0
    peak_bytes: int = 0
    announced_bytes: int = 0

    @property
    def fits_saved(self) -> int:
        """Fits of transformers and last steps that sharing made needless."""
        return (self.transformer_fits_alone - self.transformer_fits) + (
            self.scores - self.head_fits
        )

    def __str__(self) -> str:
        lines = [
            f"{self.scores:,} scores; transformers fitted {self.transformer_fits:,} times instead"
            f" of {self.transformer_fits_alone:,}, last steps {self.head_fits:,} times instead of"
            f" {self.scores:,}; at most {readable(self.peak_bytes)} of rows held at once"
        ]
        for group in self.groups:
            chain = f"{group.steps} -> {group.head}" if group.steps else group.head
            why = f" ({group.reason})" if group.reason else ""
            lines.append(f"  {chain}: {group.n_scores:,} by {group.solved_by}{why}")
        return "\n".join(lines)


@dataclass
class Tally:
    """A worker's running account; plain numbers, so that it travels and adds up."""

    scores: Counter[tuple[str, str, str, str]] = field(default_factory=Counter)
    transformer_fits: int = 0
    transformer_fits_alone: int = 0
    head_fits: int = 0
    peak_bytes: int = 0

    def solved(self, steps: str, head: str, by: str, reason: str, n: int) -> None:
        """Count n scores of one group."""
        self.scores[steps, head, by, reason] += n
        if by in (WHOLE, PLAIN):
            self.head_fits += n


def account(tallies: Iterable[Tally], announced: int = 0) -> SharedWork:
    """Add the workers' accounts up."""
    total = Tally()
    for tally in tallies:
        total.scores.update(tally.scores)
        total.transformer_fits += tally.transformer_fits
        total.transformer_fits_alone += tally.transformer_fits_alone
        total.head_fits += tally.head_fits
        total.peak_bytes = max(total.peak_bytes, tally.peak_bytes)
    groups = (Group(*key, n_scores=n) for key, n in sorted(total.scores.items()))
    return SharedWork(
        tuple(sorted(groups, key=lambda group: -group.n_scores)),
        total.transformer_fits,
        total.transformer_fits_alone,
        total.head_fits,
        sum(total.scores.values()),
        total.peak_bytes,
        announced,
    )
