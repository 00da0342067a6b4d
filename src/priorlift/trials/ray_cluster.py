"""Reach a Ray cluster: one that is running, or a small private one on this machine.

A private cluster belongs to this process, listens to nobody else, has no dashboard, reports no
usage and ends with the process. It starts once and serves every run that follows.
"""

import os
import shutil
import socket
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from priorlift.core.errors import InputError, MissingExtraError, PriorliftError
from priorlift.core.memory import readable

ANSWER_SECONDS = 5.0
LEAST_STORE = 80 * 10**6  # Ray refuses less than 75 MiB
USUAL_STORE = 256 * 10**6
FEW_FILES = 4096
_SHM = Path("/dev/shm")
_PRIVATE = {
    "RAY_USAGE_STATS_ENABLED": "0",
    # Nobody else can be told of this cluster, so its tokens would only be files left in the home.
    "RAY_AUTH_MODE": "disabled",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
}
# The private cluster's number of processors and accelerators; None while there is none.
_private: tuple[float, float] | None = None


def load_ray() -> ModuleType:
    """Return the module `ray`.

    Raises
    ------
    MissingExtraError
        It is not installed.
    """
    try:
        import ray
    except ImportError as error:
        raise MissingExtraError("ray", "ray") from error
    module: ModuleType = ray
    return module


def connect(
    address: str | None, num_cpus: float, num_gpus: float, object_store_memory: int | None
) -> bool:
    """Connect this process to a cluster, unless it is connected already.

    Parameters
    ----------
    address : str or None
        "auto", "host:port" or "ray://host:port"; None starts a private cluster on this machine.
    num_cpus, num_gpus : float
        What a private cluster needs at least.
    object_store_memory : int or None
        Bytes of shared memory for a private cluster.

    Returns
    -------
    bool
        Whether it is the private cluster, whose workers see this machine's disk.

    Raises
    ------
    MissingExtraError
        Ray is not installed.
    InputError
        The address does not answer, or there is too little shared memory.
    """
    global _private
    ray = load_ray()
    if _private is not None and not ray.is_initialized():
        _private = None
    if _private is not None and address is None:
        if _private[0] >= num_cpus and _private[1] >= num_gpus:
            return True
        ray.shutdown()
        _private = None
    if ray.is_initialized():
        if _private is not None:
            raise InputError(
                "this process uses a private Ray cluster already",
                where=f"address {address!r}",
                remedy="call ray.shutdown() first",
            )
        return False
    if address is not None:
        _join(ray, address)
        return False
    _start(ray, num_cpus, num_gpus, object_store_memory)
    _private = num_cpus, num_gpus
    return True


def slots(num_cpus: float, num_gpus: float) -> int:
    """Return how many tasks of a size the connected cluster can hold at present, at least 1.

    Parameters
    ----------
    num_cpus, num_gpus : float
        What a task takes.
    """
    have = load_ray().cluster_resources()
    wanted = {"CPU": num_cpus, "GPU": num_gpus}
    fitting = [have.get(name, 0.0) / each for name, each in wanted.items() if each > 0]
    return max(int(min(fitting, default=1.0)), 1)


def _start(
    ray: ModuleType, num_cpus: float, num_gpus: float, object_store_memory: int | None
) -> None:
    store = shared_memory(object_store_memory)
    _warn_of_few_files()
    resources: dict[str, Any] = {"num_gpus": num_gpus} if num_gpus else {}
    try:
        with environment(_PRIVATE):
            ray.init(
                address="local",
                num_cpus=num_cpus,
                object_store_memory=store,
                include_dashboard=False,
                log_to_driver=False,
                logging_level="ERROR",
                **resources,
            )
    except Exception as error:
        raise PriorliftError(
            f"a local Ray cluster cannot be started ({_one_line(error)})",
            remedy="look into /tmp/ray/session_latest/logs, or use --runner processes",
        ) from error


def shared_memory(wanted: int | None, folder: Path = _SHM) -> int:
    """Return the bytes of shared memory to give to a private cluster's object store.

    Parameters
    ----------
    wanted : int or None
        Asked for; None takes 256 MB or what there is, at least 80 MB.
    folder : Path
        Where shared memory lies; a system without it is not checked.

    Raises
    ------
    InputError
        There is less than that.
    """
    if not folder.is_dir():
        return wanted or USUAL_STORE
    free = shutil.disk_usage(folder).free
    size = wanted or max(min(USUAL_STORE, int(0.8 * free)), LEAST_STORE)
    if size > free:
        raise InputError(
            f"Ray needs {readable(size)} of shared memory and {readable(free)} is free",
            where=str(folder),
            cause="a container's default of 64 MB",
            remedy="docker run --shm-size=1g (in Kubernetes an emptyDir of medium Memory at "
            "/dev/shm), or use --runner processes",
        )
    return size


def _warn_of_few_files() -> None:
    try:
        import resource
    except ImportError:
        return
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if 0 <= hard < FEW_FILES:
        warnings.warn(
            f"only {hard} files may be open at once, and Ray opens many; raise it: ulimit -n 65536",
            stacklevel=4,
        )


def _join(ray: ModuleType, address: str) -> None:
    check_answers(os.environ.get("RAY_ADDRESS", address) if address == "auto" else address)
    try:
        with environment({"RAY_USAGE_STATS_ENABLED": "0"}):
            ray.init(address=address, log_to_driver=False, logging_level="ERROR")
    except Exception as error:
        raise _unreachable(address, _one_line(error)) from error


def check_answers(address: str) -> None:
    """Knock at the door first: Ray itself tries for minutes, and writes pages meanwhile.

    Parameters
    ----------
    address : str
        "auto" (not checked), "host:port" or "ray://host:port".

    Raises
    ------
    InputError
        It is no address, or nobody answers within five seconds.
    """
    host, colon, port = address.removeprefix("ray://").rpartition(":")
    if address == "auto":
        return
    if not colon or not port.isdecimal():
        raise InputError(
            "is no address of a Ray cluster",
            where=f"address {address!r}",
            remedy="auto, HOST:6379 or ray://HOST:10001",
        )
    try:
        socket.create_connection((host.strip("[]"), int(port)), ANSWER_SECONDS).close()
    except (OSError, OverflowError) as error:
        raise _unreachable(address, _one_line(error)) from error


def _unreachable(address: str, cause: str) -> InputError:
    return InputError(
        f"no Ray cluster answers within {ANSWER_SECONDS:.0f} seconds",
        where=f"address {address!r}",
        cause=cause,
        remedy="look with `ray status --address=...` on the head node, and open the port (10001 "
        "for ray://, else 6379), or leave the address out for a cluster on this machine",
    )


@contextmanager
def environment(values: Mapping[str, str]) -> Iterator[None]:
    """Set environment variables that are not set, and take them away again."""
    added = [name for name in values if name not in os.environ]
    os.environ.update({name: values[name] for name in added})
    try:
        yield
    finally:
        for name in added:
            os.environ.pop(name, None)


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__
