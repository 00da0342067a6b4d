"""The loop: what it keeps, that it can go on, that it disturbs nobody, and what it refuses."""

import numpy as np
import pytest
import torch
from torch import nn

from priorlift.core.errors import InputError
from priorlift.networks.batches import TaskRows
from priorlift.networks.gap_objective import GapObjective
from priorlift.networks.loop import Training, train
from priorlift.networks.modules import Layout, build_network

COUNTS = np.full((2, 2), 20.0)


def rows(n, position=0, seed=0, flip=False):
    draws = np.random.default_rng([seed, position, n])
    X = draws.normal(size=(n, 3))
    y = ((X[:, 0] > 0) ^ flip).astype(np.int64)
    return TaskRows(X, y, np.ones(n, np.float32), position, f"{position} {n}")


TASKS = (rows(40), rows(24, 1))
VALID = (rows(30, 0, seed=9),)


def network(seed=0, dropout=0.0):
    made = build_network(Layout(3, (8,), 4, 2, 2), None, TASKS[0].X[:2], seed)
    made.encoder.append(nn.Dropout(dropout))
    return made


def fitted(valid=VALID, tasks=TASKS, module=None, dropout=0.0, **settings):
    training = Training(**{"max_epochs": 6, "batch_size": 8, "learning_rate": 0.02, **settings})
    return train(
        module or network(dropout=dropout), GapObjective(COUNTS, 4), tasks, training, valid
    )


def weights(trained):
    return torch.cat([value.flatten() for value in trained.module.state_dict().values()])


def test_it_learns():
    trained = fitted(max_epochs=20)
    X = torch.tensor(rows(200, seed=3).X, dtype=torch.float32)
    right = trained.module(X)[1][:, 0].argmax(dim=1).numpy() == (X[:, 0] > 0).numpy()
    assert right.mean() > 0.9


def test_the_same_seed_gives_the_same_weights_and_dropout_is_seeded():
    first, second = fitted(dropout=0.3), fitted(dropout=0.3)
    assert torch.equal(weights(first), weights(second))
    assert not torch.equal(weights(first), weights(fitted(dropout=0.3, seed=1)))


def test_any_number_of_loading_workers_gives_the_same_weights():
    assert torch.equal(weights(fitted(max_epochs=1)), weights(fitted(max_epochs=1, workers=1)))


def test_the_callers_random_state_and_threads_stay_as_they_were():
    torch.manual_seed(5)
    state, threads = torch.random.get_rng_state(), torch.get_num_threads()
    fitted(max_epochs=2)
    assert torch.equal(torch.random.get_rng_state(), state)
    assert torch.get_num_threads() == threads


def test_the_best_epoch_is_kept_and_patience_ends_training():
    # Validation labels are the other way round: the longer it trains, the worse.
    turned = (rows(30, 0, seed=9, flip=True),)
    trained = fitted(valid=turned, max_epochs=50, patience=3)
    losses = [row["valid_loss"] for row in trained.history]
    assert trained.best_epoch == int(np.argmin(losses)) + 1
    assert len(trained.history) == trained.best_epoch + 3 < 50
    again = fitted(valid=(), max_epochs=trained.best_epoch)
    assert torch.equal(weights(again), weights(trained)), "the weights are those of that epoch"


def test_validation_rows_train_nothing():
    far = (TaskRows(VALID[0].X * 1e3, VALID[0].y, VALID[0].weight),)
    first, second = (fitted(valid=valid, max_epochs=1) for valid in (VALID, far))
    assert first.history[0]["train_loss"] == second.history[0]["train_loss"]
    assert torch.equal(weights(first), weights(second))


def test_without_validation_rows_the_last_epoch_is_kept():
    trained = fitted(valid=())
    assert trained.best_epoch == len(trained.history) == 6
    assert all(np.isnan(row["valid_loss"]) for row in trained.history)


def test_rows_without_a_label_change_nothing_but_the_order():
    unlabelled = TaskRows(TASKS[0].X, np.full(40, -1), TASKS[0].weight, 0, TASKS[0].key)
    trained = fitted(tasks=(unlabelled, TASKS[1]), valid=())
    assert np.isfinite(trained.history[-1]["train_loss"])
    assert (trained.history[-1]["loss"][:, 0] == 0).all()


@pytest.mark.parametrize("valid", [(), VALID], ids=["alone", "validated"])
def test_an_interrupted_run_goes_on_to_the_same_weights(tmp_path, valid):
    whole = fitted(valid=valid, dropout=0.3)
    file = tmp_path / "deep" / "run.safetensors"

    def interrupt(done, total):
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fitted(valid=valid, dropout=0.3, checkpoint=file, progress=interrupt)
    told = []
    again = fitted(
        valid=valid, dropout=0.3, checkpoint=file, progress=lambda done, total: told.append(done)
    )
    assert told == [4, 5, 6]
    assert torch.equal(weights(again), weights(whole))
    assert again.best_epoch == whole.best_epoch
    for mine, theirs in zip(again.history, whole.history, strict=True):
        assert mine.keys() == theirs.keys()
        for name, value in theirs.items():
            np.testing.assert_allclose(mine[name], value, rtol=1e-6)


def test_adams_moments_live_through_all_epochs(tmp_path):
    from safetensors import safe_open

    file = tmp_path / "run.safetensors"
    trained = fitted(checkpoint=file, valid=())
    with safe_open(file, framework="pt") as content:
        steps = [content.get_tensor(n) for n in content.keys() if n.endswith("/step")]  # noqa: SIM118
    assert {int(step) for step in steps} == {len(trained.history) * 5}, "40 rows, 8 a step"


def test_a_checkpoint_of_another_training_is_refused(tmp_path):
    file = tmp_path / "run.safetensors"
    fitted(checkpoint=file, max_epochs=1)
    with pytest.raises(InputError, match="of another training"):
        fitted(checkpoint=file, seed=1)
    with pytest.raises(InputError, match="of another training"):
        fitted(checkpoint=file, tasks=(rows(41), TASKS[1]))
    file.write_bytes(b"no tensors")
    with pytest.raises(InputError, match="is no checkpoint"):
        fitted(checkpoint=file)
    with pytest.raises(InputError, match="cannot be written"):
        fitted(checkpoint=file / "below")


def test_a_bar_is_drawn_only_when_asked(capsys):
    fitted(max_epochs=1)
    assert capsys.readouterr() == ("", "")
    fitted(max_epochs=2, progress=True)
    assert "training" in capsys.readouterr().out


class Broken(nn.Module):
    def __init__(self, after):
        super().__init__()
        self.layer, self.left = nn.Linear(3, 2), after

    def forward(self, X):
        self.left -= 1
        return self.layer(X) * (float("nan") if self.left < 0 else 1.0)


def test_nan_is_named_with_the_epoch_and_the_side_it_comes_from():
    module = network()
    module.encoder = nn.Sequential(Broken(12), nn.Linear(2, 8))
    with pytest.raises(InputError, match=r"the module's output is NaN.*epoch 3"):
        fitted(module=module, valid=())
    huge = tuple(TaskRows(t.X, t.y, np.full(t.n_rows, 3e38), t.position) for t in TASKS)

    class Overflow(GapObjective):
        def combined(self, matrix):
            return super().combined(matrix) * 1e39

    with pytest.raises(InputError, match="the loss became NaN"):
        train(network(), Overflow(COUNTS, 4), huge, Training(max_epochs=1))


@pytest.mark.parametrize(
    ("name", "value"),
    [("max_epochs", 0), ("patience", 0), ("learning_rate", 0.0), ("weight_decay", -1.0),
     ("batch_size", 0), ("device", "abacus")],
)  # fmt: skip
def test_impossible_settings_are_refused(name, value):
    with pytest.raises(InputError, match=name):
        fitted(**{name: value})
