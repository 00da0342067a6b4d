"""What every test may lean on: capped threads, the data directory, a browser."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest

# Nothing above imports NumPy. Once it is imported the caps come too late, and two test processes
# would fight over the cores with their BLAS threads.
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

REPOSITORY = Path(__file__).resolve().parent.parent

hypothesis.settings.register_profile(
    "priorlift",
    deadline=None,
    max_examples=25,
    derandomize=os.environ.get("CI") == "true",
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("priorlift")

BROWSER_ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Keep the tests that share one Ray cluster in one process; spread all others."""
    if config.getvalue("dist") != "load":
        return None
    from xdist.scheduler import LoadScopeScheduling

    class RayTogether(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            on_ray = "test_ray" in nodeid or nodeid.endswith("[ray]")
            return "ray" if on_ray else nodeid

    return RayTogether(config, log)


@pytest.fixture(scope="session")
def repository() -> Path:
    """Root of the repository."""
    return REPOSITORY


@pytest.fixture(scope="session")
def ray_cluster() -> Iterator[None]:
    """Start a private cluster of two processors that every test on Ray shares.

    For that they must run in one process; the hook above sees to it by their names.
    """
    ray = pytest.importorskip("ray")
    from priorlift.trials.ray_cluster import connect

    connect(None, 2, 0, 80 * 10**6)
    yield
    ray.shutdown()


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """Directory of the larger data sets; a test that asks for it skips where there is none."""
    named = os.environ.get("PRIORLIFT_DATA")
    folder = Path(named) if named else REPOSITORY.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("no data directory: set PRIORLIFT_DATA")
    return folder


@pytest.fixture(scope="session")
def artifacts() -> Path:
    """Directory for what a person may want to look at after the tests, such as screenshots."""
    folder = REPOSITORY / "artifacts"
    folder.mkdir(exist_ok=True)
    return folder


def _no_browser(reason: str) -> None:
    required = os.environ.get("PRIORLIFT_REQUIRE_BROWSER") == "1" or os.environ.get("CI") == "true"
    (pytest.fail if required else pytest.skip)(f"no browser: {reason}")


def _executable(playwright: Any) -> str | None:
    for name in ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable"):
        if found := shutil.which(name):
            return found
    own = playwright.chromium.executable_path
    return own if Path(own).exists() else None


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Give a headless Chromium, shared by the tests of one process."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        _no_browser('playwright is not installed: pip install "priorlift[test]"')
    with sync_playwright() as playwright:
        executable = _executable(playwright)
        if executable is None:
            _no_browser("no Chromium was found; `make test` sets one up where it can")
        try:
            chromium = playwright.chromium.launch(
                executable_path=executable, args=BROWSER_ARGUMENTS, timeout=60_000
            )
        except Exception as error:
            _no_browser(f"{executable} did not start: {str(error).splitlines()[0]}")
        yield chromium
        chromium.close()


@pytest.fixture
def browser_page(browser: Any) -> Iterator[Any]:
    """Give a fresh page of a headless Chromium; skips, or fails where a browser is required."""
    context = browser.new_context()
    yield context.new_page()
    context.close()
