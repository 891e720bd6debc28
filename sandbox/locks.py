"""Locks between processes and checkouts."""

import fcntl
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sandbox.errors import SandboxError


@contextmanager
def exclusive(lock: Path, on_wait: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Hold the lock file `lock` until the block or the process ends; if it is taken, call `on_wait` and wait."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            on_wait()
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def create_once(target: Path, on_wait: Callable[[], None] = lambda: None) -> Iterator[Path | None]:
    """Yield a new folder that is renamed to `target` when the block ends, or None if `target` exists.

    If the block fails, nothing is left. Leftovers of a killed process are removed by the next call.

    Raises:
        SandboxError: the disk is full.
    """
    with exclusive(target.parent / f"{target.name}.lock", on_wait):
        if target.is_dir():
            yield None
            return
        for left in target.parent.glob(f".{target.name}.*"):
            shutil.rmtree(left)
        with tempfile.TemporaryDirectory(
            prefix=f".{target.name}.", dir=target.parent, ignore_cleanup_errors=True
        ) as scratch:
            folder = Path(scratch, "content")
            folder.mkdir()
            try:
                yield folder
                folder.rename(target)
            except (OSError, SandboxError) as error:
                # shutil's errors have no errno.
                if not any(sign in str(error).lower() for sign in ("no space left", "quota exceeded")):
                    raise
                message = f"The disk is full: {target.parent} needs about 1 GB. Free some space and try again.\n{error}"
                raise SandboxError(message) from error
