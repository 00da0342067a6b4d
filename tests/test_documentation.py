"""What the documentation shows does run: its Python examples, page by page."""

import doctest
import re
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent
PAGES = [
    "README.md",
    "docs/how-to/encoders.md",
    "docs/how-to/pipeline-graphs.md",
    "docs/how-to/replace-grid-search.md",
    "docs/how-to/several-tasks.md",
    "docs/how-to/write-a-method.md",
    "docs/how-to/write-a-score.md",
]


def python_blocks(page: str) -> list[str]:
    return re.findall(r"^```python\n(.*?)^```", (REPOSITORY / page).read_text(), re.M | re.S)


@pytest.mark.parametrize("page", PAGES)
def test_the_examples_of_a_page_run(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    blocks = python_blocks(page)
    assert blocks
    namespace = {"__name__": "example"}
    for block in blocks:
        exec(compile(block, page, "exec"), namespace)


def test_the_example_method_differs_only_by_its_sources():
    namespace = {"__name__": "example"}
    for block in python_blocks("docs/how-to/write-a-method.md"):
        exec(compile(block, "write-a-method", "exec"), namespace)
    model, alone = namespace["model"], namespace["alone"]
    assert set(model.sources_) == {"other rows"}
    assert alone.sources_ == {}
    assert len(model.voters_) == 1


@pytest.mark.parametrize("page", sorted(REPOSITORY.glob("*.md")), ids=lambda page: page.name)
def test_links_of_the_papers_at_the_root_lead_somewhere(page):
    for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text()):
        assert (page.parent / link).exists(), link


@pytest.mark.parametrize(
    ("name", "fewest"), [("which-task", 30), ("which-rows-hurt", 25), ("when-transfer-helps", 35)]
)
def test_a_tutorial_shows_what_comes_out(name, fewest, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # it writes a page
    failed, attempted = doctest.testfile(
        str(REPOSITORY / f"docs/tutorials/{name}.md"),
        module_relative=False,
        optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS,
    )
    assert attempted > fewest
    assert not failed
    assert (tmp_path / f"{name}.html").stat().st_size > 50_000


def test_the_tutorial_on_cells_runs(tmp_path, monkeypatch):
    pytest.importorskip("anndata", reason="the cells extra is not installed")
    (tmp_path / "examples").symlink_to(REPOSITORY / "examples")
    monkeypatch.chdir(tmp_path)  # it writes pictures and a model
    failed, attempted = doctest.testfile(
        str(REPOSITORY / "docs/tutorials/cells.md"),
        module_relative=False,
        optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS,
    )
    assert attempted > 25
    assert not failed
    assert {path.name for path in tmp_path.iterdir()} == {
        *("examples", "confusion.png", "embedding.png", "cortex.cells")
    }
