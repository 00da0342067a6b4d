"""What the method section says in words: designs, settings, verdicts."""

DESIGNS = {
    "label budgets": (
        "One part of the target is held out as test rows. From the rest, labelled training rows of "
        "each budget are drawn many times; every method is fitted on each draw with and without "
        "the sources and judged on the same test rows."
    ),
    "scarce target": (
        "Labels are too few for a separate test part, so cross-validation is repeated over all "
        "labelled rows; every method is fitted on the same folds with and without the sources."
    ),
}

SETTINGS = {
    "inductive": "test rows are never seen in training, not even without their labels",
    "transductive": "test rows are seen in training without their labels",
}

VERDICTS = {
    "helps": (
        "the adjusted interval lies above {bound}, both against the same method without sources "
        "and against the best target-only reference."
    ),
    "hurts": "the adjusted interval lies below 0 against the same method without sources.",
    "equivalent": "the adjusted interval lies within ±{bound}: no difference that matters.",
    "not shown": "the data do not settle it, which is not the same as no effect.",
}

AGREEMENT = ((0.7, "agree well"), (0.3, "agree in part"), (-1.0, "disagree"))
"""What Kendall's W of at least this much is called."""

FACTS = {
    "source_score": "Score of its own head",
    "proximity": "Proximity",
    "attribution": "Attribution",
    "attribution_overlap": "Attribution overlap",
}
"""Titles of what is known of a source beside its scores."""

REASONS = {
    "single task": "without transfer",
    "first": "by its rank",
    "random": "by chance",
    "ucb": "by its upper bound",
}
"""Why a search trained what it trained."""
