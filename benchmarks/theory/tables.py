"""The results as a page of Markdown, and in a few lines for the terminal."""

HEAD = """\
# What the theory is worth

Written by `make bench-theory`; do not edit. How the theory of [heads on frozen
features](reference/theory.md) fares against closed forms, against fitted heads, against the whole
pipeline of transfer, and what it costs.
"""


def page(measured):
    """Return the whole page; parts that were never measured are named."""
    left_out = [name for name, document in measured.items() if document is None]
    parts = [HEAD]
    if left_out:
        parts.append(f"Not measured yet: {', '.join(left_out)}.\n")
    for name, document in measured.items():
        if document is not None:
            parts += SECTIONS[name](document["result"]["rows"])
            parts.append(
                f"Preset `{document['preset']}`, {document['date'][:10]}, "
                f"{document['machine']['cores']} cores.\n"
            )
    return "\n".join(parts)


def table(header, rows):
    """Return a table of Markdown."""
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    lines += ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def checks(result):
    """Return the checks as a table, their notes below it."""
    rows = [
        [found["name"], found["measured"], found["goal"], "yes" if found["met"] else "**no**"]
        for found in result["checks"]
    ]
    notes = [f"- {found['name']}: {found['note']}." for found in result["checks"] if found["note"]]
    parts = [table(["", "found", "goal", "reached"], rows)]
    return [*parts, "\n".join(notes) + "\n"] if notes else parts


def _validation(result):
    return [
        "## Values that are known\n",
        "Largest deviations. *Printed values* come from an independent "
        "computation of the same equations.\n",
        *checks(result),
    ]


def _simulation(result):
    rows = [
        [
            row["case"],
            row["loss"].replace("_", " on "),
            f"{row['alpha']:g}",
            f"{row['lam']:g}",
            f"{row['theory']:.4f}",
            f"{row['simulated']:.4f} ± {row['standard_error']:.4f}",
            "{:.4f} / {:.4f}".format(*row["train_loss"]),
            "yes" if row["within"] else "**no**",
        ]
        for row in result["rows"]
    ]
    header = ["features", "loss", "alpha", "lambda", "theory", "simulated", "train loss", "within"]
    few = [
        [f"{row['labels']:,}"]
        + [_three(row[key]) for key in ("true", "without_bias", "plain")]
        + [row["draws"], row["refused"]]
        for row in result["few_labels"]
    ]
    few_header = ["labels", "true", "without bias", "plain plug-in", "draws", "refused"]
    return [
        "## Fitted heads on Gaussian features\n",
        "Error on new rows (square loss on real labels: squared error), from the known "
        "covariances; train loss as theory / simulation. The isotropic and the power-law features "
        "see the teacher whole.\n",
        *checks(result),
        table(header, rows),
        "The same from labelled rows, 100 features, R2 = 1/1.2, at alpha = 0.5, 2, 8: with 20,000 "
        "unlabelled rows and without bias, and as one would write it first, both covariances from "
        "the labelled rows.\n",
        table(few_header, few),
    ]


def _three(values):
    return " ".join(f"{value:.3f}" for value in values)


def _pipeline(result):
    header = [
        "target",
        "features",
        *(f"alpha {a:g}" for a in result["alpha"]),
        "floor",
        "counted",
        "kurtosis",
    ]
    rows = []
    for row in result["rows"]:
        cells = [
            f"{p:.3f} / {m:.3f}{'' if ok else ' *'}"
            for p, m, ok in zip(row["predicted"], row["measured"], row["within"], strict=True)
        ]
        floors = [f"{row['floor']:.3f}", f"{row['floor_counted']:.3f}", f"{row['kurtosis']:+.2f}"]
        rows.append([row["target"], row["features"], *cells, *floors])
    return [
        "## The whole pipeline\n",
        f"A network of {result['p']} hidden units is trained on {result['n_source']:,} rows of the "
        f"source ({result['latent']} latent dimensions, {result['inputs']} inputs); its first "
        f"layer is frozen and a head fitted to the target, or to random features. Cells: theory / "
        f"simulation, means of {result['seeds']} seeds, errors counted on 4,000 new rows, lambda "
        "the best in theory; a star where they differ by more than max(0.012, 4 standard errors). "
        "*Floor* is the best linear error in theory, *counted* the same head's on new rows: for "
        "Gaussian features they are equal, and the excess *kurtosis* of its outputs is 0.\n",
        *checks(result),
        table(header, rows),
        result["why"] + "\n",
    ]


def _phase(result):
    parts = [
        "## The findings as pictures\n",
        f"After Gerace et al. 2022 (arXiv 2106.05418), whose figures were not at hand: sizes, "
        f"training and scales are ours. {result['seeds']} seeds, {result['latent']} latent "
        f"dimensions, {result['inputs']} inputs, {result['p']} features. Lines are theory, points "
        "simulation with two standard errors; from scratch there is no theory.\n",
        *checks(result),
    ]
    for picture in result["pictures"]:
        parts += [
            f"### {picture['title']}\n",
            f"![{picture['alt']}](images/theory/{picture['file']})\n",
            picture["text"] + "\n",
        ]
    return parts


def _speed(result):
    rows = [
        [
            f"{row['alpha']:.3g}",
            f"{row['lam']:.3g}",
            f"{row['updates']}",
            f"{row['cpu_seconds']:.1f}",
            f"{row['error']:.8f}",
            f"{row['ours']:.8f}",
        ]
        for row in result["published"]["rows"]
    ]
    header = ["alpha", "lambda", "updates", "CPU seconds", "published", "ours"]
    return [
        "## Cost\n",
        "One thread. The published procedure (adaptive quadrature, a scalar minimisation at every "
        "node, plain iteration) is our own transcription, `benchmarks/theory/published.py`; it "
        "runs on points of the grid that are drawn at random.\n",
        *checks(result),
        table(header, rows),
    ]


def _forecasts(result):
    found = result["summary"]
    goal = found["median_relative_error"] <= 0.10
    needed = found["labels_needed_within_factor_1.5"]
    by_error = ", ".join(
        f"{group['median_relative_error']:.0%} where it is {name}"
        for name, group in found["by_measured_error"].items()
    )
    rows = [
        [
            "relative error of a forecast, median",
            f"{found['median_relative_error']:.1%}",
            "at most 10 %",
            "yes" if goal else "**no**",
        ],
        [
            "labels needed within a factor of 1.5",
            f"{needed:.0%}",
            "80 %",
            "yes" if needed >= 0.8 else "**no**",
        ],
        ["coverage of the 90 % band", f"{found['coverage_of_90_percent_band']:.0%}", "shown", ""],
        [
            "off by more than 10 % somewhere: had warned, had not",
            f"{found['failed_and_warned']}, {found['failed_and_silent']}",
            "all had warned",
            "**no**" if found["failed_and_silent"] else "yes",
        ],
        [
            "within 10 % everywhere: had warned, had not",
            f"{found['held_and_warned']}, {found['held_and_silent']}",
            "shown",
            "",
        ],
    ]
    return [
        "## Forecasts on real features\n",
        f"{found['cases']} cases (digits, news posts, chest radiographs), {found['forecasts']} "
        f"forecasts from 200 to 800 labels, {found['refused']} refused.\n",
        table(["", "found", "goal", "reached"], rows),
        f"By the error to be forecast, the median is {by_error}. A few hundred held-out rows hold "
        "a handful of wrong ones where errors are small, and real curves are flatter than those of "
        "Gaussian classes; where curves are flat, a small difference of the error is many labels. "
        "See [how far to trust a forecast](how-to/forecast.md#how-far-to-trust-it).\n",
    ]


def _numbers(result):
    found = result["summary"]
    by_labels = ", ".join(f"{off:.1%} with {n}" for n, off in found["by_labels"].items())
    return [
        "## Forecasts of numbers\n",
        f"{found['cases']} cases (diabetes, Friedman's first function, parts of digits from other "
        f"parts), {found['forecasts']} forecasts of the root of ridge's mean squared error, "
        f"{found['refused']} refused.\n",
        *checks(result),
        f"By labels seen, the median is {by_labels}; {found['share_within_10_percent']:.0%} of all "
        f"points lie within 10 %, {found['coverage_of_90_percent_band']:.0%} in the 90 % band. "
        f"Within 10 % everywhere were {found['held_and_warned']} forecasts that had warned and "
        f"{found['held_and_silent']} that had not. Of the labels needed, "
        f"{found['labels_needed_called_unreachable']:.0%} were called out of reach: curves of "
        "numbers are flat, and near the floor a small difference of the error is any number of "
        "labels. Those that had not warned are off by 10 to 20 %, most of them on their whole "
        "curve: the labels that set its level are those that check it, and a few hundred of them "
        "may be unlike the rest. That a band of more than 10 % is warned of was added after a "
        "first look at these cases: before it, 44 had not warned.\n",
    ]


SECTIONS = {
    "validation": _validation,
    "simulation": _simulation,
    "pipeline": _pipeline,
    "phase": _phase,
    "speed": _speed,
    "forecasts": _forecasts,
    "numbers": _numbers,
}


def summary(measured):
    """Return a line a check."""
    lines = []
    for name, document in measured.items():
        for found in document["result"]["rows"].get("checks", []) if document else []:
            reached = "" if found["met"] else "  NOT REACHED"
            lines.append(
                f"{name}: {found['name']}: {found['measured']} (goal: {found['goal']}){reached}"
            )
    return "\n".join(lines)
