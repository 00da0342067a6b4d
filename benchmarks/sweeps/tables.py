"""The rows as a page of Markdown, and in a few lines for the terminal."""

HEAD = """\
# What sharing work brings

Written by `make bench-sweeps`; do not edit. *Matched* rows run the same fits on both sides, in one
run and in turns, with one BLAS thread a worker; workers are started before the clock, and CPU
seconds include them. *Extrapolated* rows measure the other side on a slice, which the note names.
Matched rows are the fair comparison: the ratio of a dense grid grows with the grid by construction.
*Difference* is the largest between any two fold scores.
"""


def page(measured):
    """Return the page from the parts' documents; parts that were never measured are named."""
    parts = [HEAD]
    missing = [name for name, document in measured.items() if document is None]
    if missing:
        parts.append(f"Not measured yet: {', '.join(missing)}.\n")
    for name, document in measured.items():
        if document is not None:
            parts += _section(name, document)
    return "\n".join(parts)


def _section(name, document):
    machine = document["machine"]
    rows = document["result"]["rows"]
    compared = [row for row in rows if row["kind"] != "absolute"]
    alone = [row for row in rows if row["kind"] == "absolute"]
    lines = [f"## {name.replace('_', ' ').capitalize()}\n"]
    if compared:
        lines += [
            "| row | fits | theirs, CPU s | ours, CPU s | ratio | difference | goal | reached |",
            "|---|---:|---:|---:|---:|---:|---|---|",
        ]
        lines += [_compared(row) for row in compared]
        lines.append("")
    if alone:
        lines += ["| row | measured | goal | reached |", "|---|---:|---|---|"]
        lines += [
            f"| {row['name']} | {row['value']:.3g} {row['unit']} | {row['goal']} | {_yes(row)} |"
            for row in alone
        ]
        lines.append("")
    lines += [f"- {row['name']}: {row['note']}." for row in rows if row.get("note")]
    lines.append(
        f"\nPreset `{document['preset']}`, {document['date'][:10]}, {machine['cores']} cores, load "
        f"{machine['load_average']:.1f} at the end.\n"
    )
    return lines


def _compared(row):
    difference = "" if row.get("difference") is None else f"{row['difference']:.1g}"
    theirs, ours = row["theirs"]["cpu_seconds"], row["ours"]["cpu_seconds"]
    kind = "" if row["kind"] == "matched" else f" ({row['kind']})"
    return (
        f"| {row['name']}{kind} | {row['fits']:,} | {theirs:.3g} | {ours:.3g} | "
        f"{row['ratio']:.2f} | {difference} | {row['goal']} | {_yes(row)} |"
    )


def _yes(row):
    return "yes" if row["met"] else "**no**"


def summary(measured):
    """Return a line a row."""
    lines = []
    for document in measured.values():
        for row in document["result"]["rows"] if document else []:
            value = (
                f"{row['value']:.3g} {row['unit']}"
                if row["kind"] == "absolute"
                else f"{row['ratio']:.2f} times less CPU"
            )
            reached = "" if row["met"] else "  NOT REACHED"
            lines.append(f"{row['name']}: {value} (goal: {row['goal']}){reached}")
    return "\n".join(lines)
