"""What a phase diagram holds: errors on learned and on random features, their gain, its border."""

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from priorlift.core.tables import to_frame
from priorlift.theory.quadrature import Array

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Knob: TypeAlias = Literal["qF", "qt", "eta", "delta"]
KNOBS = {
    "qF": "correlation of the features, qF",
    "qt": "correlation of the teachers, qt",
    "eta": "share of features replaced, eta",
    "delta": "features added (below 0: removed), delta",
}
MOST_MAPPED = 40
MAPS = {"transferred": "learned on the source", "random": "random", "scratch": "from scratch"}
ERRORS = {
    "logistic": "share of new rows that are predicted wrongly",
    "square": "mean squared error of the field on new rows",
}


@dataclass(frozen=True, eq=False)
class SimulatedErrors:
    """What was simulated on a part of the grid.

    Attributes
    ----------
    values : ndarray of shape (k,)
        Of the knob.
    n : ndarray of shape (j,)
        Labelled target rows.
    errors : dict of str to ndarray of shape (seeds, k, j)
        Share of wrong predictions on new rows, for "transferred", "random" and "scratch".
    """

    values: Array
    n: NDArray[np.int64]
    errors: dict[str, Array]


@dataclass(frozen=True, eq=False)
class PhaseDiagram:
    """Errors of heads on learned and on random features, over labels and one knob.

    Attributes
    ----------
    knob : {"qF", "qt", "eta", "delta"}
        What relates the target to the source.
    values : ndarray of shape (k,)
        Its values, ascending.
    n : ndarray of shape (j,)
        Labelled target rows, ascending.
    width : int
        Features p; alpha is n / p.
    transferred, random : ndarray of shape (seeds, k, j)
        Error in theory, for each source that was drawn.
    settings : dict
        The other knobs, the sizes, the seeds and the regulariser (None: the best in theory).
    simulated : SimulatedErrors or None
        Where it was asked for.
    floors : dict of str to ndarray of shape (seeds, k), or None
        Error that endless labels would leave, for "transferred" and "random".
    """

    knob: Knob
    values: Array
    n: NDArray[np.int64]
    width: int
    transferred: Array
    random: Array
    settings: dict[str, Any]
    simulated: SimulatedErrors | None = None
    floors: dict[str, Array] | None = None

    @property
    def quantity(self) -> str:
        """What an error is: a share of new rows, or a mean squared error."""
        return ERRORS.get(str(self.settings.get("loss")), ERRORS["logistic"])

    @property
    def gain(self) -> Array:
        """Error of random features minus that of learned ones, of shape (k, j): above 0 helps."""
        return np.asarray((self.random - self.transferred).mean(axis=0))

    @property
    def gain_error(self) -> Array | None:
        """Standard error of `gain` over the sources; None for a single one."""
        gains = self.random - self.transferred
        if len(gains) < 2:
            return None
        return np.asarray(gains.std(axis=0, ddof=1) / np.sqrt(len(gains)))

    @property
    def clear(self) -> NDArray[np.int64]:
        """Sign of each gain of shape (k, j), 0 where it is within two standard errors of 0."""
        spread = self.gain_error
        seen = (
            self.gain if spread is None else np.where(np.abs(self.gain) > 2 * spread, self.gain, 0)
        )
        return np.sign(seen).astype(np.int64)

    @property
    def boundary(self) -> Array:
        """Points (n, value) of shape (points, 2) where the gain is 0: negative transfer begins.

        Along each line of the grid the gain is taken to be linear in the knob and in log n.
        """
        gain, log_n = self.gain, np.log(self.n)
        along_values = [
            (float(n), at) for n, row in zip(self.n, gain.T, strict=True)
            for at in _zeros(self.values, row)
        ]  # fmt: skip
        along_n = [
            (float(np.exp(at)), float(value))
            for value, row in zip(self.values, gain, strict=True)
            for at in _crossings(log_n, row)
        ]
        points = sorted({*along_values, *along_n})
        return np.array(points, dtype=float).reshape(-1, 2)

    @property
    def summary(self) -> str:
        """Where learned features are ahead of random ones and where behind, in one sentence."""
        gain = self.gain
        ahead, behind = int((gain > 0).sum()), int((gain < 0).sum())
        parts = [f"learned features err less than random ones at {ahead} of {gain.size} points"]
        if ahead:
            parts.append(f", by up to {gain.max():.3f} ({self._place(int(gain.argmax()))})")
        if behind:
            parts.append(f"; they err more at {behind}, by up to {-gain.min():.3f} ")
            parts.append(f"({self._place(int(gain.argmin()))})")
        return "".join(parts)

    def _place(self, flat: int) -> str:
        row, column = np.unravel_index(flat, self.gain.shape)
        return f"{self.knob} = {self.values[row]:g}, n = {self.n[column]:,}"

    def curves(self, value: float) -> dict[str, tuple[list[float], list[float], list[float]]]:
        """Return the learning curves at one value of the knob.

        Parameters
        ----------
        value : float
            One of `values`; otherwise the nearest is taken.

        Returns
        -------
        dict of str to (n, error, spread)
            For learned and random features and, where it was simulated, for training from scratch.
            The spread is the standard error over sources, NaN for a single one.
        """
        row = int(np.abs(self.values - value).argmin())
        found = {
            MAPS[name]: _curve(self.n, getattr(self, name)[:, row])
            for name in ("transferred", "random")
        }
        done = self.simulated
        if done is not None and (at := np.flatnonzero(done.values == self.values[row])).size:
            errors = done.errors["scratch"][:, int(at[0])]
            found[f"{MAPS['scratch']} (simulated)"] = _curve(done.n, errors)
        return found

    def to_frame(self) -> Any:
        """Return one row for each value of the knob and number of target rows."""
        columns = self._columns()
        return to_frame({name: [row[name] for row in columns] for name in columns[0]})

    def _columns(self) -> list[dict[str, Any]]:
        spread, rows = self.gain_error, []
        for k, value in enumerate(self.values):
            for j, n in enumerate(self.n):
                row: dict[str, Any] = {
                    self.knob: float(value),
                    "n": int(n),
                    "alpha": float(n / self.width),
                    "transferred": float(self.transferred[:, k, j].mean()),
                    "random": float(self.random[:, k, j].mean()),
                    "gain": float(self.gain[k, j]),
                    "gain_error": None if spread is None else float(spread[k, j]),
                }
                rows.append(row | self._simulated_at(float(value), int(n)))
        return rows

    def _simulated_at(self, value: float, n: int) -> dict[str, float | None]:
        done = self.simulated
        if done is None:
            return {}
        k, j = np.flatnonzero(done.values == value), np.flatnonzero(done.n == n)
        there = bool(k.size and j.size)
        return {
            f"simulated_{name}": float(errors[:, k[0], j[0]].mean()) if there else None
            for name, errors in done.errors.items()
        }

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain Python."""
        return {
            "knob": self.knob,
            "settings": self.settings,
            "summary": self.summary,
            "rows": self._columns(),
            "boundary": [{"n": n, self.knob: value} for n, value in self.boundary.tolist()],
            "floors": self._floors(),
        }

    def _floors(self) -> list[dict[str, float]]:
        if self.floors is None:
            return []
        means = {name: values.mean(axis=0) for name, values in self.floors.items()}
        return [
            {self.knob: float(value), **{name: float(mean[k]) for name, mean in means.items()}}
            for k, value in enumerate(self.values)
        ]

    def to_json(self) -> str:
        """Return `to_dict` as JSON."""
        return json.dumps(self.to_dict(), indent=1, sort_keys=True)

    def plot(self, value: float | None = None) -> "Figure":
        """Draw the map of the gain, or the learning curves at one value of the knob.

        A map has 40 rows and 40 columns at most, spread evenly over the grid.

        Parameters
        ----------
        value : float, optional
            Draw the curves at this value; they are drawn as well where there is only one.

        Returns
        -------
        matplotlib.figure.Figure
        """
        if value is None and len(self.values) > 1:
            from priorlift.plots.phases import phase_map

            rows, columns = _some(len(self.values))[::-1], _some(len(self.n))
            return phase_map(
                [f"{value:g}" for value in self.values[rows]],
                self.n[columns].tolist(),
                self.gain[np.ix_(rows, columns)],
                title="Error of random features minus that of learned ones",
                below=f"a row: {KNOBS[self.knob]}; a column: labelled rows of the target"
                + (f"; with {self._fixed()}" if self._fixed() else ""),
            )
        from priorlift.plots.lifts import learning_curves

        at = float(self.values[0] if value is None else value)
        title = ", ".join(filter(None, [f"Expected error at {self.knob} = {at:g}", self._fixed()]))
        return learning_curves(self.curves(at), [MAPS["random"]], "error", title)

    def _fixed(self) -> str:
        knobs = self.settings.get("knobs", {})
        return ", ".join(f"{name} = {value:g}" for name, value in knobs.items())

    def __repr__(self) -> str:
        rows, columns = self.gain.shape
        return f"PhaseDiagram({self.knob}: {rows} values x {columns} n, {self.summary})"


def _some(count: int) -> NDArray[np.int64]:
    places = np.linspace(0, count - 1, min(count, MOST_MAPPED))
    return np.unique(places.round().astype(np.int64))


def _zeros(x: Array, y: Array) -> list[float]:
    """Return where a line through the points crosses 0, or touches it at a point."""
    return [*_crossings(x, y), *x[y == 0].tolist()]


def _crossings(x: Array, y: Array) -> list[float]:
    left, right = y[:-1], y[1:]
    at = np.flatnonzero(left * right < 0)
    crossed = x[at] + (x[at + 1] - x[at]) * left[at] / (left[at] - right[at])
    return [float(value) for value in crossed]


def _curve(n: NDArray[np.int64], errors: Array) -> tuple[list[float], list[float], list[float]]:
    spread = errors.std(axis=0, ddof=1) / np.sqrt(len(errors)) if len(errors) > 1 else None
    return (
        n.astype(float).tolist(),
        errors.mean(axis=0).tolist(),
        [float("nan")] * len(n) if spread is None else spread.tolist(),
    )
