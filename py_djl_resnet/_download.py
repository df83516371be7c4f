"""Files from a Maven repository: over TLS, verified, resumed, and put in place in one step."""

import contextlib
import errno
import hashlib
import http.client
import os
import ssl
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

from py_djl_resnet.errors import JarError

PAUSES = (0.5, 2.0, 5.0)
"""Seconds before the second and each further attempt."""

_TIMEOUT = 30.0
_CHUNK = 1 << 18
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}


class _DamagedError(Exception):
    """What came is not the file that the lock names."""


class _SecureRedirects(urllib.request.HTTPRedirectHandler):
    """Follows a redirect only to where a download may come from in the first place."""

    def redirect_request(self, req, fp, code, msg, headers, newurl):  # type: ignore[no-untyped-def]
        """Refuse an address that is not secure, else redirect as usual."""
        check_address(newurl)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def check_address(address: str) -> None:
    """Raise JarError unless `address` is https, or http on the loopback interface."""
    parts = urllib.parse.urlsplit(address)
    if parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK):
        return
    raise JarError(
        f"The repository address must begin with https:// (http:// only on this machine itself). Received: {address}. "
        "Set PY_DJL_RESNET_REPOSITORY to the https address of a Maven repository."
    )


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold an exclusive lock on the file `path`; the system frees it when the process ends, however it ends."""
    with path.open("a+b") as file:
        if sys.platform == "win32":
            import msvcrt

            while True:
                try:
                    file.seek(0)
                    msvcrt.locking(file.fileno(), msvcrt.LK_LOCK, 1)
                    break
                except OSError as error:
                    if error.errno not in (errno.EDEADLK, errno.EACCES):
                        raise
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def write_atomically(path: Path, content: bytes) -> None:
    """Write `content` so that `path` is at every moment either the old file or the whole new one."""
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def sha256(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def download(address: str, target: Path, *, size: int, digest: str, received: Callable[[int], object]) -> None:
    """Fetch `address` to `target`; the caller holds the lock of the folder.

    Args:
        address: where the file lies.
        target: the file to write; its folder is made.
        size: the number of bytes that the file has.
        digest: its SHA-256.
        received: told the number of bytes after each piece; a negative number takes back what has to come again.

    Raises:
        JarError: the file could not be had, or is not the one that the lock names.
    """
    check_address(address)
    partial = target.with_name(target.name + ".part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _attempt_until_whole(address, partial, size, digest, received)
        os.replace(partial, target)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            partial.unlink(missing_ok=True)
            raise JarError(
                f"The disk is full: {target.name} needs {size / 1e6:.1f} MB in {target.parent}. Free some space, or "
                "point PY_DJL_RESNET_CACHE to a folder on another disk."
            ) from error
        raise JarError(
            f"Cannot write {target}: {error.strerror or error}. Make its folder writable, or point PY_DJL_RESNET_CACHE "
            "to a folder that is."
        ) from error


def _attempt_until_whole(
    address: str, partial: Path, size: int, digest: str, received: Callable[[int], object]
) -> None:
    attempts = len(PAUSES) + 1
    passing = (
        urllib.error.URLError,
        http.client.HTTPException,
        TimeoutError,
        ConnectionError,
        ssl.SSLError,
        _DamagedError,
    )
    for attempt in range(attempts):
        try:
            _continue(address, partial, size, received)
            _verify(partial, size, digest, received)
            return
        except passing as error:
            code = error.code if isinstance(error, urllib.error.HTTPError) else 0
            if code == 416:  # what lies here is no beginning of the file
                partial.unlink(missing_ok=True)
            final = 400 <= code < 500 and code not in (408, 416, 429)
            if final or attempt + 1 == attempts:
                raise JarError(_advice(address, error, attempt + 1)) from error
            time.sleep(PAUSES[attempt])


def _continue(address: str, partial: Path, size: int, received: Callable[[int], object]) -> None:
    """Fetch what `partial` lacks, or all of it where the server knows no ranges."""
    have = partial.stat().st_size if partial.exists() else 0
    if have >= size:
        received(size)
        return
    request = urllib.request.Request(address, headers={"User-Agent": "py_djl_resnet"})
    if have:
        request.add_header("Range", f"bytes={have}-")
    with urllib.request.build_opener(_SecureRedirects).open(request, timeout=_TIMEOUT) as answer:
        resumed = bool(have) and answer.status == 206
        written = have if resumed else 0
        received(written)
        try:
            with partial.open("ab" if resumed else "wb") as file:
                while chunk := answer.read(_CHUNK):
                    written += len(chunk)
                    if written > size:
                        break
                    file.write(chunk)
                    received(len(chunk))
                file.flush()
                os.fsync(file.fileno())
        except BaseException:
            received(-min(written, size))
            raise
    if written != size:
        received(-min(written, size))
        if written > size:
            partial.unlink()
        raise _DamagedError(f"{written} bytes came where the lock names {size}")


def _verify(partial: Path, size: int, digest: str, received: Callable[[int], object]) -> None:
    found = sha256(partial)
    if found != digest:
        partial.unlink()
        received(-size)
        raise _DamagedError(f"its SHA-256 is {found} where the lock names {digest}")


def _advice(address: str, error: Exception, attempts: int) -> str:
    host = urllib.parse.urlsplit(address).netloc
    times = "once" if attempts == 1 else f"{attempts} times"
    if isinstance(error, _DamagedError):
        cause = f"{error}. Something between this machine and {host} cuts or changes files; try again, or name another"
        return f"Fetched {address} {times}, but {cause} repository with PY_DJL_RESNET_REPOSITORY."
    if isinstance(error, urllib.error.HTTPError):
        cause = f"{host} answered {error.code} {error.reason}"
        if error.code == 404:
            cure = "The repository does not hold it; check PY_DJL_RESNET_REPOSITORY"
        elif error.code in (401, 403, 407):
            cure = "Check the proxy (HTTPS_PROXY) and the repository (PY_DJL_RESNET_REPOSITORY)"
        else:
            cure = "Try again later, or name another repository with PY_DJL_RESNET_REPOSITORY"
        return f"Cannot fetch {address}: {cause}, tried {times}. {cure}."
    reason = getattr(error, "reason", None) or error
    proxy = urllib.request.getproxies().get(urllib.parse.urlsplit(address).scheme)
    # without the user and password that it may carry
    through = f" through the proxy {proxy.rpartition('@')[2]}" if proxy else ""
    return (
        f"Cannot fetch {address}{through}: {reason}, tried {times}. Check the network and HTTPS_PROXY, name another "
        "repository with PY_DJL_RESNET_REPOSITORY, or copy the jars into a folder and name it in PY_DJL_RESNET_JARS."
    )
