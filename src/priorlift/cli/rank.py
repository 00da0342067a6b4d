"""`priorlift rank`: which sources to try first, before anything is trained on the target.

TARGET may be a folder: then each of its tables is ranked as a source of each other. `--learn-from`
adds what earlier studies measured, and `--verify` runs all transfers to see how good the ranking
was.
"""

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from priorlift.cli import options
from priorlift.core.errors import InputError

if TYPE_CHECKING:
    from priorlift.pool import SourcePool, Target
    from priorlift.ranking.result import Ranking
    from priorlift.study.verification import Verification

VERIFICATION = "verification.json"


def command(
    target: Annotated[
        str, typer.Argument(metavar="TARGET", help="The target's table, or a folder of tables.")
    ],
    label: options.Label = None,
    sources: options.Sources = None,
    cut_by: options.CutBy = None,
    scores: Annotated[
        str | None,
        typer.Option("--scores", metavar="A,B", help="[default: all that suit the task]"),
    ] = None,
    learn_from: Annotated[
        list[str] | None,
        typer.Option(
            "--learn-from",
            metavar="RUNS",
            help="A run directory or a folder of them: predict lifts from what they measured.",
        ),
    ] = None,
    top: Annotated[
        int | None, typer.Option("--top", min=1, metavar="K", help="Show the first K sources.")
    ] = None,
    verify: Annotated[
        bool, typer.Option("--verify", help="Run all transfers, too, and compare.")
    ] = False,
    method: Annotated[
        str | None, typer.Option("--method", help="With --verify. [default: pooled]")
    ] = None,
    out: Annotated[
        str | None,
        typer.Option(
            "--out", metavar="RUN", help="With --verify: run directory. [default: runs/<target>]"
        ),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="With --verify: go on where the run stopped.")
    ] = False,
    runner: options.Runner = None,
    workers: options.Workers = None,
    groups: options.Groups = None,
    task: options.Task = None,
    seed: options.Seed = None,
    report: Annotated[
        str | None, typer.Option("--report", metavar="FILE", help="Write a page, too.")
    ] = None,
    as_json: options.Json = False,
) -> None:
    """Say which sources to try first, before training on them.

    With a folder for TARGET, its tables are ranked as sources of each other, all ordered pairs.
    """
    from priorlift.cli.learning import learn

    running: dict[str, Any] = {"--method": method, "--out": out, "--resume": resume or None}
    running |= {"--runner": runner, "--workers": workers}
    if not verify:
        _refuse(running, "goes with --verify", "add --verify, or leave it out")
    label = _required(label, "--label", "COL")
    task = options.known_task(task)
    wanted = options.listed(scores) or "auto"
    if Path(target).is_dir():
        alone = {"--verify": verify or None, "--cut-by": cut_by}
        _refuse(alone, "takes one table, not a folder", "name the target's table")
        model = learn(learn_from)
        _rank_folder(
            target, sources, label, groups, task, wanted, seed or 0, model, top, as_json, report
        )
        return
    folder = None if cut_by else _required(sources, "--sources", "DIR")

    from priorlift.cli.tables import read_task

    model = learn(learn_from)
    few, pool = read_task(target, folder, cut_by, label=label, groups=groups, task=task)
    shown_on_page: Any
    if verify:
        ranking, shown_on_page, document = _verified(
            few,
            pool,
            wanted,
            model,
            method or "pooled",
            Path(out or f"runs/{few.name}"),
            {"resume": resume, "runner": runner or "processes", "workers": workers},
            seed or 0,
            top,
            as_json,
        )
    else:
        ranking, document = _ranked(few, pool, wanted, seed or 0), {}
        ranking = shown_on_page = model.predict(ranking, few.name)
        if not as_json:
            from priorlift.cli.rankings import show_ranking

            show_ranking(ranking, top)
    if report is not None:
        from priorlift.cli.running import write_page

        write_page(shown_on_page, Path(report))
    if as_json:
        from priorlift.cli import output

        shown = {**json.loads(ranking.to_json()), "unusable": pool.unusable}
        output.write_json({**shown, **model.to_dict(), **document})
    elif report is not None:
        print(f"\nOpen the page: {report}")


def _ranked(
    few: "Target", pool: "SourcePool", scores: Any, seed: int, rows: Any = None
) -> "Ranking":
    from priorlift.ranking.rank import rank_sources

    part = few if rows is None else few.take(rows)
    ranking = rank_sources(
        part.X,
        part.y,
        pool,
        groups=part.groups,
        task=few.task,
        scores=scores,
        random_state=seed,
    )
    if not ranking.rows:
        reasons = "; ".join(
            f"{n}: {why}" for n, why in {**pool.unusable, **ranking.skipped}.items()
        )
        raise InputError(f"no source can be ranked for {few.name}: {reasons}")
    return ranking


def _verified(
    few: "Target",
    pool: "SourcePool",
    scores: Any,
    model: Any,
    method: str,
    out: Path,
    how: dict[str, Any],
    seed: int,
    top: int | None,
    as_json: bool,
) -> tuple["Ranking", "Verification", dict[str, Any]]:
    """Rank with one draw of training rows, run all transfers, and show how the two compare."""
    from priorlift.cli import output
    from priorlift.cli.rankings import show_verification
    from priorlift.cli.running import REPORT, run, write_page
    from priorlift.study.design import Split, split_rows
    from priorlift.study.storage import RANKING
    from priorlift.study.study import Study
    from priorlift.study.verify import largest_budget, verify_ranking
    from priorlift.trials.files import write_atomic
    from priorlift.trials.runners import get_runner

    budgets = largest_budget(few)
    study = Study(few, pool, [method], budgets, random_state=seed, rank=False, forecast=False)
    study.check_memory(get_runner(how["runner"], how["workers"]).n_workers)
    plan = study.plan
    shown, _ = split_rows(few, plan.design, plan.task, Split(plan.design.largest, 0, 0))
    output.note(f"ranking  by {len(shown)} training rows; the others judge it")
    ranking = model.predict(_ranked(few, pool, scores, seed, shown), few.name)
    result = replace(run(study, out, **how), ranking=ranking)
    write_atomic(out / RANKING, ranking.to_json().encode())  # so that later runs can learn from it
    found = verify_ranking(ranking, result, method=method)
    write_atomic(out / VERIFICATION, found.to_json().encode())
    page = write_page(result, out / REPORT)
    if not as_json:
        show_verification(found, top)
        print(f"\nEverything is in {out}. Open the report: {page}")
    return ranking, found, {"verification": found.to_dict(), "run": str(out), "report": str(page)}


def _rank_folder(
    folder: str,
    sources: str | None,
    label: str,
    groups: str | None,
    task: str | None,
    scores: Any,
    seed: int,
    model: Any,
    top: int | None,
    as_json: bool,
    report: str | None,
) -> None:
    from priorlift.cli import output
    from priorlift.cli.rankings import show_task_ranking
    from priorlift.pool import SourcePool
    from priorlift.ranking.tasks import rank_tasks

    options_of_tables: dict[str, Any] = {"label": label, "groups": groups, "task": task}
    tasks = SourcePool.read(folder, **options_of_tables)
    pool = None if sources is None else SourcePool.read(sources, **options_of_tables)
    unusable = {**tasks.unusable, **({} if pool is None else pool.unusable)}
    for name, reason in unusable.items():
        output.note(f"warning: {name!r} is left out: {reason}")
    n_others = tasks.n_sources if pool is None else pool.n_sources
    if tasks.n_sources < (2 if pool is None else 1):
        raise InputError(
            f"holds {tasks.n_sources} usable tables, pairs take two",
            where=folder,
            remedy="put more tables there, or name the sources' folder with --sources",
        )
    output.note(f"ranking  {n_others} sources for {tasks.n_sources} targets")
    found = rank_tasks(list(tasks), pool, scores=scores, random_state=seed)
    found = model.predict_tasks(found)
    if report is not None:
        from priorlift.cli.running import write_page

        write_page(found, Path(report))
    if as_json:
        rankings = {name: json.loads(r.to_json()) for name, r in found.rankings.items()}
        best = {name: found.best(name) for name in found.rankings}
        document = {"rankings": rankings, "best": best, "skipped": dict(found.skipped)}
        output.write_json({**document, "unusable": unusable, **model.to_dict()})
        return
    show_task_ranking(found, top)
    if report is not None:
        print(f"\nOpen the page: {report}")


def _refuse(given: dict[str, Any], what: str, remedy: str) -> None:
    for option, value in given.items():
        if value is not None:
            raise InputError(what, where=option, remedy=remedy)


def _required(value: str | None, option: str, metavar: str) -> str:
    if not value:
        raise InputError(
            f"{option} is not given", remedy=f"priorlift rank TARGET {option} {metavar}"
        )
    return value
