"""The results as a page of Markdown tables, and in a few lines for the terminal."""

from gap import diagnostic
from gap.columns import ALONE, BALANCED, GUARDED, POOLED

HEAD = """\
# What gap minimisation brings

Written by `make bench-gap`; do not edit. Every column has the same base learner, the
same rows and the same number of rounds. *T* is the target, *both* are target and source. Numbers
in brackets are standard errors over splits. *Over target-only* is the mean of the target-only row
minus that of the row, over tasks, with its standard error over tasks: the splits of one task
share rows and are no independent repeats. Rounds, base learners and features are those of a
prototype on the same data, as is the balanced mass; how the guard compares its candidates was
chosen on other draws of the prototype's six pairs of Office-Caltech than those shown (of the same
images, so no row is untouched). The papers' own tables were not at hand, so nothing here says
that it matches them.
"""


def page(measured):
    """Return the whole page; parts that were never measured are named."""
    left_out = [name for name, document in measured.items() if document is None]
    parts = [HEAD]
    if left_out:
        parts.append(f"Not measured yet: {', '.join(left_out)}.\n")
    for name, document in measured.items():
        if document is not None:
            parts += SECTIONS[name](document["result"])
            parts.append(f"Preset `{document['preset']}`, {document['date'][:10]}.\n")
    return "\n".join(parts)


def _newsgroups(result):
    parts = []
    for share, found in result.items():
        parts.append(f"## 20 Newsgroups, {share} of the target labelled\n")
        parts.append(
            f"Error in percent on the other target rows; {found['splits']} splits. Goal for the "
            f"best of gapBoost's forms: {found['goal']}; reached: {_best(found):.2f}.\n"
        )
        parts.append(_table(found, 2))
    return parts


def _office_caltech(result):
    parts = []
    for name in ("all pairs", "prototype's pairs"):
        found = result[name]
        parts.append(f"## Office-Caltech, SURF, {name}\n")
        parts.append(
            f"Error in percent, three labelled rows a class; {found['splits']} draws. Goal: "
            f"{result['goal']} (accuracy {100 - result['goal']}); reached: {_best(found):.2f}.\n"
        )
        parts.append(_table(found, 1))
    return [*parts, "### Where the guard does not see it\n", _unseen(result["all pairs"])]


def _regression(result):
    parts = []
    for name, found in result.items():
        parts.append(f"## Regression: {name}\n")
        parts.append(f"Root mean squared error; {found['splits']} splits, 25 labelled rows.\n")
        parts.append(_table(found, 2))
    return parts


def _diagnostic(result):
    return ["## The gap as a diagnostic\n", "```\n" + diagnostic.table(result).strip() + "\n```\n"]


def _multitask(result):
    columns = list(next(iter(result["sets"].values()))["accuracy"])
    rows = [["accuracy in percent", *columns, "draws"], ["---"] * (len(columns) + 2)]
    for name, found in result["sets"].items():
        cells = [_compared(found, column) for column in columns]
        rows.append([name, *cells, str(found["n_draws"])])
    return [
        "## Several tasks in one network\n",
        "In brackets: the last column minus this one, with its 95 % interval over new draws and "
        "rows.\n",
        "\n".join("| " + " | ".join(row) + " |" for row in rows) + "\n",
    ]


def _compared(found, column):
    cell = f"{found['accuracy'][column]:.1f}"
    if other := found["learned_minus"].get(column):
        cell += f" ({other['estimate']:+.1f}, {other['low']:+.1f} to {other['high']:+.1f})"
    return cell


def summary(measured):
    """Return the headline numbers, a line each."""
    results = {name: document["result"] for name, document in measured.items() if document}
    lines = [f"20NG {share}: {_line(f)}" for share, f in results.get("newsgroups", {}).items()]
    if office := results.get("office_caltech"):
        lines.append(f"Office-Caltech: {_line(office['all pairs'])}")
    for name, found in results.get("regression", {}).items():
        lines.append(f"{name}: " + ", ".join(f"{k} {v:.2f}" for k, v in found["mean"].items()))
    return "\n".join(lines)


def _line(found):
    wanted = (ALONE, POOLED, "TrAdaBoost", "gapBoost", BALANCED, GUARDED)
    return ", ".join(f"{name} {found['mean'][name]:.2f}" for name in wanted)


def _best(found):
    return min(value for name, value in found["mean"].items() if "gapBoost" in name)


def _table(found, digits):
    tasks = found["tasks"]
    rows = [["", *tasks, "mean", "over target-only", "CPU seconds"]]
    for name, mean in found["mean"].items():
        cells = [
            f"{task['mean'][name]:.{digits}f}{_bracket(task['standard_error'][name], digits)}"
            for task in tasks.values()
        ]
        over = found["differences"][name]
        lift = f"{over['mean']:+.{digits}f}{_bracket(over['standard_error'], digits)}"
        rows.append([name, *cells, f"**{mean:.{digits}f}**", lift, _seconds(found, name)])
    rows.insert(1, ["---"] * len(rows[0]))
    return "\n".join("| " + " | ".join(row) + " |" for row in rows) + "\n"


def _bracket(value, digits):
    return "" if value is None else f" ({value:.{digits}f})"


def _seconds(found, name):
    return f"{found['cpu_seconds'][name]:.3f}"


def _unseen(found):
    """Name the pairs on which the guarded estimator is more than a point below target-only."""
    lines = []
    for name, task in found["tasks"].items():
        lost = task["mean"][GUARDED] - task["mean"][ALONE]
        if lost > 1.0:
            chose = ", ".join(f"{kind} {n}" for kind, n in task["guard_chose"].items())
            lines.append(
                f"- {name}: {lost:.1f} points below target-only; the guard chose {chose}. Thirty "
                "rows, in folds that leave each class two, could not tell it better."
            )
    return "\n".join(lines or ["On no pair is it more than a point below target-only."]) + "\n"


def _cost(speed):
    parts = [
        "## Cost\n",
        "CPU seconds of one fit with ten rounds of logistic regression, medians, and accuracy on "
        "new rows. Our own TrAdaBoost stands for adapt's, which needs TensorFlow; *cold* starts "
        "each round from nothing, as adapt does.\n",
    ]
    for size in ("2000", "20000"):
        rows = [[f"{int(size):,} source rows", "CPU seconds", "accuracy"], ["---"] * 3]
        accuracy = speed[size]["accuracy"]
        for name, seconds in speed[size]["seconds"].items():
            rows.append([name, f"{seconds['cpu_seconds']:.3f}", f"{accuracy[name]:.3f}"])
        rows.append([ALONE, "", f"{accuracy[ALONE]:.3f}"])
        parts.append("\n".join("| " + " | ".join(row) + " |" for row in rows) + "\n")
    if large := speed.get("a million sparse rows"):
        parts.append(
            f"A million sparse rows of 100 features ({large['matrix_mb']:.0f} MB): peak memory of "
            f"the process {large['peak_mb']:.0f} MB, where a dense copy alone would take "
            f"{large['dense_mb']:.0f} MB; {large['cpu_seconds']:.0f} CPU seconds.\n"
        )
    return parts


SECTIONS = {
    "newsgroups": _newsgroups,
    "office_caltech": _office_caltech,
    "regression": _regression,
    "diagnostic": _diagnostic,
    "multitask": _multitask,
    "speed": _cost,
}
