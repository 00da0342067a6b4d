import numpy as np
import threadpoolctl
from sklearn.naive_bayes import GaussianNB

from priorlift.search import SharedSearchCV


def blas_threads():
    return [
        lib["num_threads"] for lib in threadpoolctl.threadpool_info() if lib["user_api"] == "blas"
    ]


def test_blas_has_one_thread_in_the_search_and_its_own_afterwards(small):
    seen = []

    class Watching(GaussianNB):
        def fit(self, X, y, sample_weight=None):
            seen.append(blas_threads())
            return super().fit(X, y, sample_weight)

    with threadpoolctl.threadpool_limits(2, user_api="blas"):
        before = blas_threads()
        SharedSearchCV(Watching(), {"var_smoothing": [1e-9, 1e-3]}, refit=False).fit(*small)
        assert blas_threads() == before
    assert len(seen) == 10
    assert np.unique(np.concatenate(seen)).tolist() == [1]
