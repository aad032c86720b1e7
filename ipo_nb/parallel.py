"""One piece of work after another, here or elsewhere: the one seam to several processes and to a cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import Any, TypeVar

from ipo_nb.errors import BadOption

__all__ = ["one_thread", "worked"]

Part = TypeVar("Part")
Done = TypeVar("Done")


def worked(
    work: Callable[[Part], Done], parts: Sequence[Part], *, n_jobs: int | None = None, progress: str = ""
) -> Iterator[Done]:
    """`work(part)` for each part, in their order; the results are the same however many work at them.

    One BLAS thread works inside each process: the matrices are small, and more threads only get in each other's way.

    Parameters
    ----------
    n_jobs : processes; -1 for one a core; None for one, or what a surrounding `joblib.parallel_config` says, which may
        be a Dask, Ray or Spark cluster.
    progress : name of a progress bar on stderr, shown where that is a terminal; empty for none.

    Examples
    --------
    >>> list(worked(abs, [-1, 2, -3]))
    [1, 2, 3]
    """
    from joblib import Parallel, delayed
    from joblib.parallel import get_active_backend
    from tqdm.auto import tqdm

    if n_jobs == 0:
        raise BadOption("n_jobs is 0.", value=0, expected="1 or more processes, or -1 for one a core")
    backend, configured = get_active_backend()
    alone = (n_jobs or configured or 1) == 1 or len(parts) < 2
    if alone:
        made: Iterator[Any] = (_one(work, part) for part in parts)
    elif backend.supports_return_generator:
        made = Parallel(n_jobs=n_jobs, return_as="generator")(delayed(_one)(work, part) for part in parts)
    else:
        made = iter(Parallel(n_jobs=n_jobs)(delayed(_one)(work, part) for part in parts))
    yield from tqdm(made, total=len(parts), desc=progress, disable=None if progress else True)


def _one(work: Callable[[Part], Done], part: Part) -> Done:
    with one_thread():
        return work(part)


def one_thread() -> Any:
    """A context in which BLAS works in one thread: small matrices are 3 to 100 times slower in more."""
    return _threads().limit(limits=1)


@cache
def _threads() -> Any:
    """The BLAS libraries of this process: found once, since finding takes longer than a link."""
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()
