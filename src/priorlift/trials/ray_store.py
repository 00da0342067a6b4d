"""A run's data in the shared memory of a Ray cluster: each array put once, read without a copy.

A cluster's nodes need not see the driver's disk. So the driver puts every array of its `DataStore`
into Ray's object store once, and a worker reads it from there as it would from the folder: by key,
read-only, and one copy for all workers of a node.
"""

from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, cast

from priorlift.core.errors import RunDirectoryError
from priorlift.pool import Source, Target, TaskData
from priorlift.trials.store import TASKS_IN_MEMORY, DataStore, restored_task


@dataclass(frozen=True, eq=False)
class ObjectStoreReader:
    """Reads a run's data from Ray's object store; made by `put_store`.

    Parameters
    ----------
    references : mapping of str to ray.ObjectRef
        The arrays by key.
    documents : mapping of str to dict
        Targets and sources, by kind and fingerprint.
    """

    references: Mapping[str, Any]
    documents: Mapping[str, dict[str, Any]]

    def get_array(self, key: str) -> Any:
        """Give a value back, read-only; parameters and errors as for `DataStore.get_array`."""
        import ray

        if key not in self.references:
            raise _lacks(key)
        return ray.get(self.references[key])

    def target(self, fingerprint: str, name: str | None = None) -> Target:
        """Give back a target by its fingerprint; parameters as for `DataStore.target`."""
        return cast("Target", _restored(self, "target", fingerprint, name))

    def source(self, fingerprint: str, name: str | None = None) -> Source:
        """Give back a source by its fingerprint; parameters as for `DataStore.source`."""
        return cast("Source", _restored(self, "source", fingerprint, name))


def put_store(store: DataStore, known: MutableMapping[str, Any]) -> ObjectStoreReader:
    """Put the arrays of a store into Ray's object store and return what reads them there.

    Parameters
    ----------
    store : DataStore
        The run's data.
    known : mutable mapping of str to ray.ObjectRef
        Arrays that are there already, by key; new ones are added. Keys are fingerprints of content,
        so one mapping serves several stores.
    """
    import ray

    keys = store.keys()
    for key in keys:
        if key not in known:
            known[key] = ray.put(store.get_array(key))
    return ObjectStoreReader({key: known[key] for key in keys}, store.documents())


@lru_cache(maxsize=TASKS_IN_MEMORY)
def _restored(reader: ObjectStoreReader, kind: str, fingerprint: str, name: str | None) -> TaskData:
    document = reader.documents.get(f"{kind}-{fingerprint}")
    if document is None:
        raise _lacks(f"{kind} {fingerprint}")
    return restored_task(kind, document, name, reader.get_array)


def _lacks(what: str) -> RunDirectoryError:
    return RunDirectoryError(
        f"the run's data lacks {what}",
        cause="the driver's folder was changed or copied in part",
        remedy="start again with another --out",
    )
