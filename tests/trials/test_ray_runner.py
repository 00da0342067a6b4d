"""The Ray runner against the serial one, and what it says when it cannot run."""

import os
import pickle
import signal
import socket
import sys
import threading

import numpy as np
import pytest
import scipy.sparse as sp

from priorlift.core.errors import InputError, MissingExtraError, PriorliftError
from priorlift.pool import Source, Target
from priorlift.trials import Context, DataStore, Journal, Outcome, Trial, get_runner, run_pending
from priorlift.trials.blocks import Bundles, blocks_of
from priorlift.trials.ray_cluster import check_answers, connect, shared_memory

ray = pytest.importorskip("ray")


def draw(trial, context):
    if trial.params["n"] % 7 == 3:
        raise ValueError("no")
    rng = np.random.default_rng([context.seed, int(trial.hash, 16)])
    matrix = rng.normal(size=(60, 40))
    return Outcome({"norm": float(np.linalg.norm(matrix.T @ matrix))}, {"m": matrix[0]})


def use_store(trial, context):
    X = context.store.get_array("dense")
    sparse = context.store.get_array("sparse")
    target = context.store.target(trial.params["target"])
    source = context.store.source(trial.params["source"], name="renamed")
    with np.testing.assert_raises(ValueError):
        X[0, 0] = 1
    total = float((np.asarray(X).T @ X).sum() + sparse.sum() + np.sum(target.X) + trial.params["n"])
    return Outcome(
        {
            "total": total,
            "fortran": bool(X.flags.f_contiguous),
            "names": [target.name, source.name],
            "reader": type(context.store).__name__,
        }
    )


def by_value(function):
    """Give a copy that travels as code, because a worker cannot import a test module."""

    def copy(trial, context):
        return code(trial, context)

    code = function
    import cloudpickle

    cloudpickle.register_pickle_by_value(sys.modules[__name__])
    return copy


TASKS = {"draw": by_value(draw), "use": by_value(use_store)}


def content(record):
    outcome = record.outcome
    if outcome is None:
        return record.status, record.error
    return record.status, outcome.values, {k: v.tobytes() for k, v in outcome.arrays.items()}


def by_trial(records):
    records = list(records)
    found = {record.trial: content(record) for record in records}
    assert len(found) == len(records)
    return found


def draws(n):
    return [Trial("draw", {"n": k}, group=None if k % 3 else str(k % 9)) for k in range(n)]


@pytest.mark.parametrize("n_workers", [1, 2, None])
def test_the_results_are_those_of_the_serial_runner_bit_for_bit(ray_cluster, n_workers):
    trials = draws(60)
    expected = by_trial(get_runner("serial", tasks=TASKS).run(trials, Context(seed=3)))
    runner = get_runner("ray", n_workers, tasks=TASKS)
    assert by_trial(runner.run(trials[::-1], Context(seed=3))) == expected
    assert (runner.name, runner.n_workers) == ("ray", n_workers or 2)


@pytest.fixture
def stored(tmp_path):
    rng = np.random.default_rng(0)
    store = DataStore(tmp_path / "data")
    store.put_array("dense", np.asfortranarray(rng.normal(size=(200, 30))))
    store.put_array("sparse", sp.random(50, 20, 0.2, "csr", random_state=0))
    X, y = rng.normal(size=(30, 4)), np.arange(30) % 2
    target = store.put_task(Target("t", X, y))
    source = store.put_task(Source("s", X + 1, y))
    trials = [Trial("use", {"target": target, "source": source, "n": n}) for n in range(6)]
    return store, trials


def test_a_private_cluster_reads_the_folder(ray_cluster, stored):
    store, trials = stored
    context = Context(store.directory)
    expected = by_trial(get_runner("serial", tasks=TASKS).run(trials, context))
    assert by_trial(get_runner("ray", 2, tasks=TASKS).run(trials, context)) == expected


def test_another_cluster_reads_the_object_store(ray_cluster, stored, monkeypatch):
    store, trials = stored
    context = Context(store.directory)
    expected = by_trial(get_runner("serial", tasks=TASKS).run(trials, context))
    monkeypatch.setattr("priorlift.trials.ray_cluster._private", None)
    puts = []
    put = ray.put
    monkeypatch.setattr(ray, "put", lambda value: puts.append(value) or put(value))
    runner = get_runner("ray", 2, tasks=TASKS)
    found = by_trial(runner.run(trials, context))
    assert {values.pop("reader") for _, values, _ in found.values()} == {"ObjectStoreReader"}
    assert {values.pop("reader") for _, values, _ in expected.values()} == {"DataStore"}
    assert found == expected
    n_arrays = len(store.keys())
    assert len(puts) == n_arrays + 1  # and the payload
    by_trial(runner.run(trials, context))
    assert len(puts) == n_arrays + 2  # an array once, a payload for each run


def test_short_trials_are_bundled():
    bundles = Bundles(blocks_of([Trial("t", {"n": n}) for n in range(1000)], 2), 2)
    assert len(bundles.take()) == 1
    bundles.note([0.01] * 4)
    sizes = []
    while bundles:
        sizes.append(len(bundles.take()))
    assert sizes[0] == 50
    assert sizes[-1] == 1
    assert sum(sizes) == 999
    assert sizes == sorted(sizes, reverse=True)


def test_long_trials_are_not_bundled():
    bundles = Bundles(blocks_of([Trial("t", {"n": n}) for n in range(20)], 2), 2)
    bundles.note([3.0])
    assert {len(bundles.take()) for _ in range(20)} == {1}


def test_a_trial_whose_worker_dies_is_lost_and_the_others_are_not(ray_cluster, tmp_path):
    folder = str(tmp_path)

    def die(trial, context):
        number = trial.params["n"]
        if number == 4:
            os.kill(os.getpid(), signal.SIGKILL)
        once = os.path.join(folder, "once")
        if number == 2 and not os.path.exists(once):
            open(once, "w").close()
            os.kill(os.getpid(), signal.SIGKILL)
        return Outcome({"n": number})

    trials = [Trial("die", {"n": n}, group="one") for n in range(8)]
    records = list(get_runner("ray", 2, tasks={"die": die}).run(trials, Context()))
    assert sorted(record.trial.params["n"] for record in records) == list(range(8))
    (lost,) = [record for record in records if record.status == "failed"]
    assert (lost.trial.params["n"], lost.kind) == (4, "lost")
    assert lost.error.startswith("WorkerLost: ")


def test_what_cannot_be_sent_is_named(ray_cluster):
    lock = threading.Lock()
    runner = get_runner("ray", 2, tasks={"t": lambda trial, context: lock and Outcome()})
    with pytest.raises(InputError, match=r"task 't'.*cannot be sent.*--runner serial"):
        next(runner.run([Trial("t", {})], Context()))
    runner = get_runner("ray", 2, tasks=TASKS)
    with pytest.raises(InputError, match=r"extras\['lock'\]: a lock cannot be sent"):
        next(runner.run(draws(1), Context(extras={"lock": lock})))


def test_an_import_that_only_the_driver_has_is_explained(ray_cluster, monkeypatch):
    class OnlyHere:
        def __reduce__(self):
            return __import__, ("a_module_that_is_nowhere",)

    runner = get_runner("ray", 1, tasks=TASKS)
    with pytest.raises(PriorliftError, match=r"a_module_that_is_nowhere.*cluster's image"):
        next(runner.run(draws(1), Context(extras={"odd": OnlyHere()})))


def test_an_address_that_does_not_answer_says_so_soon():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    for address in (f"127.0.0.1:{port}", f"ray://127.0.0.1:{port}"):
        with pytest.raises(InputError, match=r"no Ray cluster answers.*ray status") as caught:
            check_answers(address)
        assert address in str(caught.value)
    with pytest.raises(InputError, match=r"is no address.*HOST:6379"):
        check_answers("nonsense")
    with pytest.raises(InputError, match="runner 'serial' has no address"):
        get_runner("serial", address="auto")


def test_too_little_shared_memory_names_the_remedy(tmp_path):
    with pytest.raises(InputError, match=r"--shm-size=1g"):
        shared_memory(10**15, tmp_path)
    assert shared_memory(None, tmp_path / "no such folder") > 0
    assert shared_memory(90 * 10**6, tmp_path) == 90 * 10**6


def test_a_missing_ray_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingExtraError, match=r"priorlift\[ray\]"):
        next(get_runner("ray", 1, tasks=TASKS).run(draws(1), Context()))


def test_a_process_with_a_private_cluster_joins_no_other(ray_cluster):
    with pytest.raises(InputError, match=r"private Ray cluster already.*ray.shutdown"):
        connect("auto", 1, 0, None)


def test_records_go_to_the_journal_once(ray_cluster, tmp_path):
    trials = draws(20)
    runner = get_runner("ray", 2, tasks=TASKS)
    with Journal(tmp_path / "j.sqlite") as journal:
        first = list(run_pending(trials[:10], runner, Context(), journal))
        second = list(run_pending(trials, runner, Context(), journal))
        assert len(first) == len(second) == 10
        assert sum(journal.counts().values()) == 20


def test_a_reader_travels_in_a_context():
    context = pickle.loads(pickle.dumps(Context(seed=4, reader=None)))
    assert context.seed == 4
    with pytest.raises(ValueError, match="no data directory"):
        _ = context.store
