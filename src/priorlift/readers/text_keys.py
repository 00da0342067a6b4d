"""What makes two texts the same text: a key that survives copying, case and punctuation.

Collections repeat texts: retweets, reposts, one sentence in two corpora. A split that does not see
this tests on what was trained on. Rows are therefore told apart by a key, never by their spelling.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from priorlift.core.errors import InputError

KeyKind: TypeAlias = Literal["unicode", "tweet", "ascii"]

_URL = re.compile(r"https?://\S+", re.IGNORECASE)
_RETWEET = re.compile(r"^\s*(?:RT\s+)?(?:@\w+:?\s*)+", re.IGNORECASE)
_NOT_ASCII = re.compile(r"[^a-z0-9]+")


def text_key(text: str, kind: KeyKind | Callable[[str], str] = "unicode") -> str:
    """Return the key of a text: equal for texts that say the same, letter by letter.

    Parameters
    ----------
    text : str
        The text.
    kind : {"unicode", "tweet", "ascii"} or callable, default="unicode"
        "unicode": NFKC, case-folded, letters and digits only, in any script. "tweet": the same
        after URLs and a leading run of `RT` and `@name:` are removed. "ascii": lower case and only
        `[a-z0-9]`; for parity with counts published so, since it merges texts of other scripts.

    Returns
    -------
    str
        Empty where the text holds no letter or digit; such texts are not the same text.

    Raises
    ------
    InputError
        The kind is unknown.

    Examples
    --------
    >>> text_key("RT @anna: Stay SAFE! http://t.co/x", "tweet")
    'staysafe'
    """
    if callable(kind):
        return kind(text)
    if kind == "ascii":
        return _NOT_ASCII.sub("", text.lower())
    if kind == "tweet":
        text = _RETWEET.sub("", _URL.sub("", text))
    elif kind != "unicode":
        raise InputError(f"kind is {kind!r}", remedy='"unicode", "tweet", "ascii" or a callable')
    folded = unicodedata.normalize("NFKC", text).casefold()
    return "".join(character for character in folded if character.isalnum())


def same_text(keys: Iterable[str]) -> NDArray[np.intp]:
    """Give each row the number of its text: equal where keys are equal and not empty.

    Parameters
    ----------
    keys : iterable of str, n of them
        From `text_key`. Every empty key is a text of its own.

    Returns
    -------
    ndarray of int, shape (n,)
        From 0, in the order of first occurrence.

    Examples
    --------
    >>> same_text(["a", "b", "a", "", ""]).tolist()
    [0, 1, 0, 2, 3]
    """
    numbers: dict[object, int] = {}
    found = [
        numbers.setdefault(key or ("no key", row), len(numbers)) for row, key in enumerate(keys)
    ]
    return np.asarray(found, dtype=np.intp)
