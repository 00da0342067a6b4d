#!/bin/sh
# See to it that a headless Chromium is there for the report's tests: one that is installed already,
# else the platform's package, else Playwright's own. Asks nothing and never fails by itself: where
# none of it works the tests skip and say why, or fail if PRIORLIFT_REQUIRE_BROWSER=1 or CI=true.
# Usage: setup_browser.sh PYTHON
set -u
python=$1

works() {
    for name in chromium chromium-browser google-chrome google-chrome-stable; do
        if command -v "$name" >/dev/null 2>&1 && "$name" --version >/dev/null 2>&1; then
            return 0
        fi
    done
    "$python" - <<'PYTHON' >/dev/null 2>&1
import pathlib, sys
from playwright.sync_api import sync_playwright
with sync_playwright() as p:
    sys.exit(not pathlib.Path(p.chromium.executable_path).exists())
PYTHON
}

limited() { # run a command for at most ten minutes, where the platform can count them
    if command -v timeout >/dev/null 2>&1; then timeout 600 "$@"; else "$@"; fi
}

as_root() {
    if [ "$(id -u)" = 0 ]; then
        limited env DEBIAN_FRONTEND=noninteractive "$@"
    elif command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then
        limited sudo -n env DEBIAN_FRONTEND=noninteractive "$@"
    else
        return 1
    fi
}

if works; then exit 0; fi

log=$(mktemp)
trap 'rm -f "$log"' EXIT

if command -v apt-get >/dev/null 2>&1; then
    echo "[browser] no Chromium found; trying the system's package"
    if as_root apt-get update -qq >>"$log" 2>&1 &&
        as_root apt-get install -y -qq --no-install-recommends chromium >>"$log" 2>&1 && works; then
        echo "[browser] installed the package 'chromium'"
        exit 0
    fi
fi

echo "[browser] no Chromium found; trying Playwright's own build"
if limited "$python" -m playwright install chromium >>"$log" 2>&1 && works; then
    echo "[browser] installed Playwright's Chromium"
    exit 0
fi

echo "[browser] no Chromium could be set up; the browser tests will skip (in CI: fail). Last words:"
tail -n 5 "$log"
exit 0
