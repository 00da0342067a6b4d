"""The registry gives scores by name."""

import pytest

from priorlift.core.registry import ScoreLike, get, names


@pytest.mark.parametrize("name", names("scores"))
def test_scores_are_found_by_name(name):
    found = get("scores", name)
    assert isinstance(found, ScoreLike)
    assert found.name == name
