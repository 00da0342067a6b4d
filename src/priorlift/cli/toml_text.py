"""The text of a TOML file: where a key stands in it, and how values are written.

The standard library reads TOML but tells no lines and writes nothing; both are needed only for flat
files of settings, so a few lines do.
"""

import json
import re
import tomllib
from collections.abc import Mapping
from typing import Any

from priorlift.core.errors import InputError

_POSITION = re.compile(r"\(at line (\d+), column (\d+)\)")


def parse(text: str, where: str) -> dict[str, Any]:
    """Read TOML text; whatever is wrong with it becomes an `InputError` with the line.

    Parameters
    ----------
    text : str
        The text.
    where : str
        The file's name, for errors.

    Raises
    ------
    InputError
        It is no TOML.

    Examples
    --------
    >>> parse("splits = 20", "study.toml")
    {'splits': 20}
    """
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise InputError("is nested too deeply", where=where, remedy="write it flat") from None
    except ValueError as error:
        found = _POSITION.search(str(error))
        reason = _POSITION.sub("", str(error)).strip()
        raise InputError(
            f"this is no TOML: {reason}",
            where=f"{where}:{found[1] if found else max(1, len(text.splitlines()))}",
            remedy="""write lines like label = "outcome" and splits = 20""",
        ) from None


def line_of(key: str, text: str) -> int | None:
    r"""Return the number of the line on which a top-level key, or a table of that name, begins.

    Parameters
    ----------
    key : str
        The key.
    text : str
        TOML text that can be parsed.

    Returns
    -------
    int or None
        From 1; None where the key is not written in the text.

    Examples
    --------
    >>> line_of("splits", '# a study\nlabel = "splits"\n"splits" = 20')
    3
    """
    names = "|".join(re.escape(form) for form in (key, json.dumps(key), f"'{key}'"))
    begins = re.compile(rf"\s*(?:\[\[?\s*)?(?:{names})\s*[=.\]]")
    for number, line in _lines_outside_strings(text):
        if begins.match(line):
            return number
    return None


def write(values: Mapping[str, Any]) -> str:
    """Write a mapping as TOML; a value of None is left out, tables of tables come last.

    Parameters
    ----------
    values : mapping of str to str, bool, int, float, list of these, or a mapping of flat mappings
        What to write.

    Examples
    --------
    >>> print(write({"label": "outcome", "budgets": [20, 50], "task": None}), end="")
    label = "outcome"
    budgets = [20, 50]
    """
    flat = {key: value for key, value in values.items() if not isinstance(value, Mapping)}
    lines = [f"{key} = {_value(value)}" for key, value in flat.items() if value is not None]
    for key in (key for key in values if key not in flat):
        for name, table in values[key].items():
            lines += ["", f"[{key}.{_value(name)}]"]
            lines += [f"{k} = {_value(v)}" for k, v in table.items() if v is not None]
    return "".join(f"{line}\n" for line in lines)


def _lines_outside_strings(text: str) -> list[tuple[int, str]]:
    """Return the numbered lines that do not begin inside a string of several lines."""
    lines: list[tuple[int, str]] = []
    closing: str | None = None
    for number, line in enumerate(text.split("\n"), start=1):
        if closing is None:
            lines.append((number, line))
        for quotes in re.findall(r'"""|' + "'''", line):
            closing = quotes if closing is None else (None if quotes == closing else closing)
    return lines


def _value(value: Any) -> str:
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_value, value))}]"
    # JSON's strings, numbers and truth values are TOML's, but for one character.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
