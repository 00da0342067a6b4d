#!/bin/sh
# Install the CPU build of the torch release that the tests pin, before anything else asks for torch.
# On Linux the plain package would bring several gigabytes of CUDA libraries that no test uses; the
# CPU build carries the local version "+cpu" and is taken where the package index offers it.
# Usage: install_torch.sh PYTHON
set -eu
python=$1
pin=$(sed -n 's/^torch==//p' requirements/constraints-test.txt)
# Modules are compiled when they are first imported: most of these packages never are.
pip="$python -m pip install --quiet --disable-pip-version-check --no-compile"

if "$python" -c "
import importlib.metadata as m, sys
sys.exit(m.version('torch').split('+')[0] != '$pin')" 2>/dev/null; then
    exit 0
fi
echo "[set-up] installing torch $pin (CPU build)"
if [ "$(uname -s)" = Linux ]; then
    $pip "torch==$pin+cpu" 2>/dev/null && exit 0
    echo "[set-up] no CPU build of torch $pin was found; taking the default build" >&2
fi
$pip "torch==$pin"
