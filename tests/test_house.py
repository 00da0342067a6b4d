"""The house keeps its own rules: a light front door, layers in order, papers that say all."""

import ast
import json
import os
import re
import resource
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import priorlift

REPOSITORY = Path(__file__).resolve().parent.parent
HEAVY = {"torch", "pandas", "polars", "pyarrow", "matplotlib", "sklearn", "scipy", "numpy"}
EXTRAS = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"][
    "optional-dependencies"
]


def run_python(*arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY / "src")}
    return subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, env=environment, check=True
    )


def loaded_after(statement: str) -> set[str]:
    code = f"{statement}\nimport sys, json\nprint(json.dumps(sorted(sys.modules)))"
    modules = json.loads(run_python("-c", code).stdout.splitlines()[-1])
    return {name.split(".")[0] for name in modules}


def test_opening_the_front_door_loads_nothing_heavy():
    assert not loaded_after("import priorlift; dir(priorlift)") & HEAVY


def test_the_command_line_loads_nothing_heavy():
    assert not loaded_after("import priorlift.cli.app") & HEAVY


def test_the_module_list_does_see_what_a_statement_loads():
    assert "sklearn" in loaded_after("import priorlift; priorlift.fit_params")


def best_cpu_seconds(*arguments: str, repeats: int = 5) -> float:
    """CPU seconds of the quickest of several runs: a busy machine disturbs it little."""
    seconds = []
    for _ in range(repeats):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        run_python(*arguments)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        seconds.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return min(seconds)


def test_the_import_is_fast():
    nothing = best_cpu_seconds("-c", "pass")
    assert best_cpu_seconds("-c", "import priorlift") - nothing < 0.1


def test_the_command_line_starts_fast():
    nothing = best_cpu_seconds("-c", "pass")
    assert best_cpu_seconds("-m", "priorlift", "--help") - nothing < 0.3


def test_every_public_name_can_be_fetched_and_is_listed():
    fetched = {name: getattr(priorlift, name) for name in priorlift.__all__}
    assert None not in fetched.values()
    assert set(priorlift.__all__) <= set(dir(priorlift))


def test_type_checkers_see_the_names_that_users_get():
    tree = ast.parse(Path(priorlift.__file__).read_text())
    guarded = next(node for node in tree.body if isinstance(node, ast.If))
    seen = {
        alias.name: node.module
        for node in guarded.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert seen == priorlift._HOMES


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'Sorce'"):
        _ = priorlift.Sorce


def test_entry_points_name_things_that_exist():
    groups = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]["entry-points"]
    for points in groups.values():
        for target in points.values():
            module, _, attribute = target.partition(":")
            path = REPOSITORY / "src" / Path(*module.split("."))
            source = path.with_suffix(".py")
            names = {
                name for node in ast.parse(source.read_text()).body for name in _defined_by(node)
            }
            assert attribute in names, f"{target} is not defined"


def _defined_by(node: ast.stmt) -> set[str]:
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return {node.name}
    if isinstance(node, ast.AnnAssign):
        return {ast.unparse(node.target)}
    if isinstance(node, ast.Assign):
        return {ast.unparse(target) for target in node.targets}
    return set()


def test_imports_run_downwards_only():
    command = shutil.which("lint-imports", path=str(Path(sys.executable).parent))
    assert command, "import-linter is not installed beside this Python"
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY / "src")}
    done = subprocess.run(
        [command, "--no-cache"], cwd=REPOSITORY, capture_output=True, text=True, env=environment
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    "page", sorted((REPOSITORY / "docs" / "decisions").glob("[0-9]*.md")), ids=lambda p: p.stem
)
def test_a_decision_has_context_choice_and_consequences(page):
    sections = re.findall(r"^## (.+)$", page.read_text(), flags=re.MULTILINE)
    assert sections == ["Context", "Choice", "Consequences"]


def test_decisions_are_numbered_without_gaps():
    pages = sorted((REPOSITORY / "docs" / "decisions").glob("[0-9]*.md"))
    assert [int(page.name[:4]) for page in pages] == list(range(1, len(pages) + 1))


@pytest.mark.parametrize("extra", sorted(EXTRAS))
def test_the_documentation_lists_every_extra(extra):
    assert f"`{extra}`" in (REPOSITORY / "docs" / "how-to" / "install.md").read_text()


def test_the_makefile_explains_every_task_that_people_call():
    makefile = (REPOSITORY / "Makefile").read_text()
    explained = set(re.findall(r"^([a-z-]+):.*## ", makefile, flags=re.MULTILINE))
    assert {"help", "demo", "test", "lint", "bench", "docs"} <= explained


def test_the_glossary_defines_each_term_with_a_source():
    glossary = (REPOSITORY / "docs" / "glossary.md").read_text()
    entries = re.split(r"^## ", glossary, flags=re.MULTILINE)[1:]
    terms = {entry.splitlines()[0] for entry in entries} - {"References"}
    assert len(terms) >= 20
    for entry in entries:
        if not entry.startswith("References"):
            assert "*Source:*" in entry, entry.splitlines()[0]
