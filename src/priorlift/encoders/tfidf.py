"""Texts or term counts as dense features without a pretrained model: TF-IDF, then a truncated SVD.

Known as latent semantic analysis (Deerwester et al. 1990). It is fitted on texts without labels:
the target's training rows, and the sources' texts as well where they are given.
"""

from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfTransformer, TfidfVectorizer
from sklearn.preprocessing import normalize
from sklearn.utils.validation import check_array, check_is_fitted

from priorlift.core import arrays
from priorlift.core.errors import InputError
from priorlift.core.seeds import RandomState, base_seed
from priorlift.encoders.base import RawEncoder, texts_of


class TfidfSvdEncoder(RawEncoder):
    """Encode texts, or rows of term counts, by TF-IDF and a truncated SVD.

    Parameters
    ----------
    n_components : int, default=128
        Width of the features. Where fewer are to be had, because the texts are few or hold few
        terms, the rest is zero.
    min_df : int, default=2
        Terms in fewer texts are left out; 1 where the texts are fewer than 20. Not for counts.
    ngram_range : tuple of int, default=(1, 2)
        Of words. Not for counts.
    analyzer : {"word", "char", "char_wb"}, default="word"
        As in scikit-learn. Not for counts.
    sublinear_tf : bool, default=True
        Whether a count c weighs 1 + log c.
    random_state : int, RandomState or None
        Of the randomised SVD.

    Attributes
    ----------
    weigher_ : TfidfVectorizer or TfidfTransformer
        What weighs terms.
    components_ : ndarray of shape (n_components, n_terms)
        Directions of the SVD.

    Raises
    ------
    InputError
        A text is missing, a count is negative or not finite, or the texts hold no term.

    Notes
    -----
    Rows are scaled to length 1; a text without a known term is a row of zeros. Fitting takes
    O(n_components x number of non-zero counts).

    Examples
    --------
    >>> encoder = TfidfSvdEncoder(2, random_state=0)
    >>> encoder.fit_transform(["a flood here", "no flood", "a fire there"]).shape
    (3, 2)
    """

    libraries: ClassVar[tuple[str, ...]] = ("numpy", "scipy", "scikit-learn")

    def __init__(
        self,
        n_components: int = 128,
        *,
        min_df: int = 2,
        ngram_range: tuple[int, int] = (1, 2),
        analyzer: str = "word",
        sublinear_tf: bool = True,
        random_state: RandomState = None,
    ) -> None:
        self.n_components = n_components
        self.min_df = min_df
        self.ngram_range = ngram_range
        self.analyzer = analyzer
        self.sublinear_tf = sublinear_tf
        self.random_state = random_state

    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn weights of terms and directions.

        Parameters
        ----------
        X : texts, or matrix of counts of shape (n, n_terms)
            Rows to learn from; they need no labels.
        y : ignored
            Present for scikit-learn.
        """
        if self.n_components < 1:
            raise InputError(f"n_components is {self.n_components}", remedy="1 or more")
        if arrays.n_rows(X) == 0:
            raise InputError("there are no rows to encode", where="TfidfSvdEncoder")
        self.on_counts_ = _is_counts(X)
        rows = self._rows(X)
        if self.on_counts_:
            self.weigher_ = TfidfTransformer(sublinear_tf=self.sublinear_tf)
        else:
            self.weigher_ = TfidfVectorizer(
                min_df=self.min_df if len(rows) >= 20 else 1,
                ngram_range=tuple(self.ngram_range),
                analyzer=self.analyzer,
                sublinear_tf=self.sublinear_tf,
                dtype=np.float32,
            )
        try:
            weights = self.weigher_.fit_transform(rows)
        except ValueError as error:
            raise InputError(
                f"the texts hold no term to count ({error})",
                where="TfidfSvdEncoder",
                remedy='analyzer="char_wb", or a smaller min_df',
            ) from error
        width = min(self.n_components, *weights.shape)
        svd = TruncatedSVD(width, random_state=base_seed(self.random_state))
        if weights.nnz == 0 or min(weights.shape) < 2:
            self.components_ = np.eye(width, weights.shape[1], dtype=np.float32)
        else:
            self.components_ = np.asarray(svd.fit(weights).components_, dtype=np.float32)
        self.n_features_in_ = weights.shape[1]
        return self

    def transform(self, X: Any) -> NDArray[np.float32]:
        """Return the features of each row, float32 of shape (n, n_components)."""
        check_is_fitted(self, "components_")
        return super().transform(X)

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "components_")

    def _rows(self, X: Any) -> Any:
        if not self.on_counts_:
            return texts_of(X, "TfidfSvdEncoder")
        try:
            counts = check_array(X, accept_sparse="csr", dtype=np.float32)
        except ValueError as error:
            raise InputError(str(error), where="TfidfSvdEncoder") from error
        values = counts if isinstance(counts, np.ndarray) else counts.data
        if (values < 0).any():
            raise InputError("a count is negative", where="TfidfSvdEncoder", remedy="pass counts")
        return counts

    def _encode(self, X: Any) -> NDArray[np.float32]:
        if _is_counts(X) != self.on_counts_:
            learned = "counts" if self.on_counts_ else "texts"
            raise InputError(f"it was fitted on {learned}", where="TfidfSvdEncoder")
        weights = self.weigher_.transform(self._rows(X))
        features = np.zeros((weights.shape[0], self.n_components), dtype=np.float32)
        features[:, : len(self.components_)] = normalize(weights @ self.components_.T)
        return features

    def _content(self) -> list[str]:
        check_is_fitted(self, "components_")
        settings = [self.n_components, self.sublinear_tf, self.ngram_range, self.analyzer]
        idf = self.weigher_.idf_
        terms = None if self.on_counts_ else self.weigher_.get_feature_names_out()
        parts = [arrays.fingerprint(part) for part in (self.components_, idf, terms)]
        return [repr(settings), *parts]


def _is_counts(X: Any) -> bool:
    return arrays.kind_of(X) in ("sparse", "dense")
