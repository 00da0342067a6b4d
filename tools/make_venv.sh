#!/bin/sh
# Make a virtual environment with a Python that is new enough, or say what to do instead.
# Usage: make_venv.sh PYTHON FOLDER
set -eu
python=$1
folder=$2

if ! command -v "$python" >/dev/null 2>&1; then
    echo "[set-up] '$python' was not found. priorlift needs Python 3.11 or newer." >&2
    echo "[set-up] Remedy: install it, or name one: make demo PYTHON=/path/to/python3.11" >&2
    exit 1
fi
if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
    echo "[set-up] priorlift needs Python 3.11 or newer; '$python' is $("$python" --version 2>&1)." >&2
    echo "[set-up] Remedy: name a newer one, for example: make demo PYTHON=python3.12" >&2
    exit 1
fi
echo "[set-up] $("$python" --version) -> $folder"
if ! "$python" -m venv "$folder"; then
    echo "[set-up] '$python' could not make a virtual environment." >&2
    echo "[set-up] Likely cause: a system Python without its venv module." >&2
    echo "[set-up] Remedy: install it (on Debian and Ubuntu: python3-venv)." >&2
    exit 1
fi
