"""The reports as a page of Markdown tables, and in a few lines for the terminal."""

GOALS = (
    ("pairs saved at F1 lost of 0.034 or less", "83.5 % (published), 90 %"),
    ("seconds saved at F1 lost of 0.015 or less, all charged", "90 %"),
    ("regret@1 as recommended, over the static prior's", "at most 0.5"),
    ("AUC of P(lift > 0)", "reported"),
    ("ECE of P(lift > 0)", "at most 0.10"),
    ("coverage of 90 % intervals", "85 to 95 %"),
    ("sources recommended with P > 0.9 that hurt", "at most 5 %"),
)
SHOWN = (
    *("static prior", "largest source", "source_score", "label correlation"),
    *("attribution", "attribution_overlap"),
    *("logme", "shrinkage_h", "nce", "feature_gain", "proximity", "agreement", "pooling_gain"),
    *("consensus", "gain model", "gain model, as recommended", "gain model of another family"),
)
VISION = ("tau", "regret@1", "regret@3")
HEAD = """\
# How good the rankings are

Written by `make bench-ranking` from one run; do not edit. Truth is the F1 of the positive class
on 1,000 (20 Newsgroups: about 700) test rows that no score and no fit has seen, for every ordered
pair of tasks, five draws of target and source rows, trained by priorlift's own methods. Families:
CrisisLexT26, {n} tasks (labels of tweets one against the rest, in three groups of events; texts
are parted into sources, training and test rows once, so no text is on two sides); 20 Newsgroups,
24 tasks, **on which scores, weights and settings were developed**, so that its rows show
development and no proof. TREC-IS, the data of Pugantsov and McCreadie (2022), cannot be shared;
`priorlift.readers.trec_is` reads it where it is at hand.

Intervals are 95 % bootstrap intervals over targets. *Regret@k* is the lift of the best source
less that of the best of the first k, in points of F1; for predictions in points "no transfer" is
an arm, and for all others a source has to be taken, however bad. *As recommended* is what a user
is told: the source of the largest predicted lift among those with P(lift > 0) above a half, and
where there is none, not to transfer. The gain model never saw an outcome of the target it is
judged on. *tau* is weighted Kendall's. *Attribution* is measured on
two draws, all else on five. *source_score* takes the best single-task source; the *oracle* knows
the truth, for tau that of other draws. The savings *against the goals* are those of the cheapest
budget, among the budgets tried, that loses no more than stated: chosen after the fact, as a
published operating point is.
"""


def page(reports, vision, left_out=()):
    """Return the whole page; truths that were not trained are named."""
    n = next((r["targets"] for r in reports if r["family"] != "newsgroups"), 27)
    parts = [HEAD.format(n=n), "## Against the goals\n", goals(reports)]
    if left_out:
        parts.append(f"Not trained yet, for want of time: {'; '.join(left_out)}.\n")
    for report in reports:
        parts += [f"## {_title(report)}\n", _facts(report), orders(report), budgets(report)]
    parts += ["## Pretrained image backbones\n", vision_table(vision)]
    return "\n".join(parts)


def goals(reports):
    """Return one row a goal, one column a truth."""
    head = ["goal", *(_short(r) for r in reports), "wanted"]
    rows = []
    for (name, wanted), value in zip(GOALS, _GOALS, strict=True):
        rows.append([name, *(value(report) for report in reports), wanted])
    return _table(head, rows)


def orders(report):
    """Return how each ranker orders the sources."""
    known = {**report["orders"], **report["attributions"]}
    rows = [
        [
            name,
            _spread(known[name]["tau"]),
            *(_spread(known[name][f"regret@{k}"]) for k in (1, 3, 5)),
        ]
        for name in SHOWN
        if name in known
    ]
    random = report["random choice"]
    rows.append(["random choice", "0", *(f"{random[f'regret@{k}']:.3f}" for k in (1, 3, 5))])
    rows.append(["oracle", f"{report['noise ceiling of tau']:.3f}", *["0"] * 3])
    return _table(["ranker", "tau", "regret@1", "regret@3", "regret@5"], rows)


def budgets(report):
    """Return what a budget of pairs saves and loses."""
    rows = []
    for start, found in report["spending"].items():
        for row in found:
            rows.append(
                [
                    start,
                    f"{row['pairs a target']:g}",
                    _percent(row["pairs saved"]),
                    _percent(row["seconds saved"]),
                    _percent(row["seconds saved without overhead"]),
                    f"{row['F1 lost']:.4f}",
                    f"{row['F1 lost by as many random pairs']:.4f}",
                ]
            )
    head = ["start", "pairs a target", "pairs saved", "seconds saved, all charged"]
    head += ["... training alone", "F1 lost", "by random pairs"]
    return _table(head, rows)


def vision_table(vision):
    """Return the tables of the image backbones, one a label budget."""
    parts = [
        f"A linear probe on each of {len(vision['backbones'])} frozen backbones against the best "
        "learner on pixels; targets are chest X-rays, breast ultrasound (split by patient-like "
        "groups) and handwritten digits; accuracy, balanced where classes are not. Nothing was "
        "tuned on these data.\n"
    ]
    for budget, found in vision["label budgets"].items():
        seconds, ceiling = found["CPU seconds"], found["noise ceiling of tau"]["mean"]
        parts.append(
            f"**{budget} labels**: {found['targets']} targets, {found['seeds']} draws; noise "
            f"ceiling of tau {_number(ceiling)}; CPU seconds {seconds['scoring']:,.1f} to score, "
            f"{seconds['training all heads']:,.1f} to train all heads.\n"
        )
        rows = [
            [name, *(_spread(order[key]) if key in order else "-" for key in VISION)]
            for name, order in found["orders"].items()
            if "regret@1" in order
        ]
        parts.append(_table(["ranker", *VISION], rows))
    return "\n".join(parts)


def line(report):
    """Return one truth in a line."""
    model = report["orders"]["gain model, as recommended"]
    return (
        f"{_short(report)}: tau {model['tau']['mean']:.2f} (ceiling "
        f"{report['noise ceiling of tau']:.2f}), regret@1 {model['regret@1']['mean']:.4f} "
        f"(static prior {report['orders']['static prior']['regret@1']['mean']:.4f}), "
        f"pairs saved at 0.015 lost: {_saved(report, 'pairs saved', 0.015)}, seconds: "
        f"{_saved(report, 'seconds saved', 0.015)}"
    )


def summary(reports):
    """Return all truths, a line each."""
    return "\n".join(line(report) for report in reports)


def _saved(report, what, most):
    """Return the largest saving of a cold start that loses no more than `most`."""
    rows = [row[what] for row in report["spending"]["cold"] if row["F1 lost"] <= most]
    return _percent(max(rows)) if rows else "not reached"


_GOALS = (
    lambda r: _saved(r, "pairs saved", 0.034),
    lambda r: _saved(r, "seconds saved", 0.015),
    lambda r: _number(r["regret@1 as recommended over the static prior's"]["ratio"]),
    lambda r: _number(r["calibration"]["AUC of P(lift > 0)"]),
    lambda r: _number(r["calibration"]["ECE of P(lift > 0)"]),
    lambda r: _percent(r["calibration"]["coverage of 90 % intervals"]),
    lambda r: (
        f"{_percent(r['calibration']['of these hurt'])} of {r['calibration']['pairs with P > 0.9']}"
    ),
)


def _facts(report):
    seconds = report["seconds"]
    control = ", ".join(f"{name} {_number(tau)}" for name, tau in report["control"].items())
    sentences = (
        f"{report['targets']} targets, {report['pairs']} pairs, {report['seeds']} draws.",
        f"F1 without transfer {report['score without transfer']:.3f}; the best pair of a target",
        f"adds {report['lift of the best pair']:.3f} on average, and",
        f"{_percent(report['share of pairs that help'])} of the pairs help.",
        f"Noise ceiling of tau {report['noise ceiling of tau']:.2f}.",
        f"CPU seconds: {seconds['training all pairs']:,.0f} to train all pairs,",
        f"{seconds['single tasks']:,.1f} for the single tasks,",
        f"{seconds['scoring all pairs']:,.1f} to score all pairs.",
        f"With permuted labels tau is: {control}.",
    )
    return " ".join(sentences) + "\n"


def _title(report):
    return f"{report['family']}, {report['method']}, {report['label budget']} labels"


def _short(report):
    return _title(report).replace("crisislex-", "").replace("_features", "")


def _spread(found):
    if found["mean"] is None:
        return "-"
    return f"{found['mean']:.3f} ({_number(found['low'])} to {_number(found['high'])})"


def _number(value):
    return "-" if value is None else f"{value:.3f}" if isinstance(value, float) else str(value)


def _percent(value):
    return "-" if value is None else f"{100 * value:.1f} %"


def _table(head, rows):
    lines = ["| " + " | ".join(cells) + " |" for cells in (head, ["---"] * len(head), *rows)]
    return "\n".join(lines) + "\n"
