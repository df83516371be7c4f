"""Files from elsewhere: over TLS, verified, resumed, and put in place in one step."""

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
from dataclasses import dataclass
from pathlib import Path

from py_djl_resnet.errors import DataError, JarError, ResnetError

PAUSES = (0.5, 2.0, 5.0)
"""Seconds before the second and each further attempt."""

_TIMEOUT = 30.0
_CHUNK = 1 << 18
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}


@dataclass(frozen=True)
class Origin:
    """How to speak of what is fetched when it cannot be had.

    Attributes:
        error: what is raised.
        wrong_address: what to do about an address without TLS.
        missing: what to do when the server does not hold the file.
        another: another way to a server.
        by_hand: the way without a server.
        elsewhere: how to choose another folder.
        plain_loopback: whether http will do on this machine itself.
    """

    error: type[ResnetError]
    wrong_address: str
    missing: str
    another: str
    by_hand: str
    elsewhere: str
    plain_loopback: bool


JARS = Origin(
    error=JarError,
    wrong_address="Set PY_DJL_RESNET_REPOSITORY to the https address of a Maven repository",
    missing="The repository does not hold it; check PY_DJL_RESNET_REPOSITORY",
    another="name another repository with PY_DJL_RESNET_REPOSITORY",
    by_hand="copy the jars into a folder and name it in PY_DJL_RESNET_JARS",
    elsewhere="point PY_DJL_RESNET_CACHE to a folder",
    plain_loopback=True,
)
DATA = Origin(
    error=DataError,
    wrong_address="Fetch the archive with another program and unpack it into the folder that --data-dir names",
    missing="It has moved; fetch it with another program and unpack it into the folder that --data-dir names",
    another="fetch it from another network",
    by_hand="fetch it with another program and unpack it into the folder that --data-dir names",
    elsewhere="name a folder with --data-dir",
    plain_loopback=False,
)


class _DamagedError(Exception):
    """What came is not the file that was to come."""


class _SecureRedirects(urllib.request.HTTPRedirectHandler):
    """Follows a redirect only to where a download may come from in the first place."""

    def __init__(self, origin: Origin) -> None:
        self._origin = origin

    def redirect_request(self, req, fp, code, msg, headers, newurl):  # type: ignore[no-untyped-def]
        """Refuse an address that is not secure, else redirect as usual."""
        try:
            check_address(newurl, self._origin)
        except ResnetError:
            fp.close()
            raise
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def check_address(address: str, origin: Origin = JARS) -> None:
    """Raise the origin's error unless `address` is https, or http on the loopback interface where that is allowed."""
    parts = urllib.parse.urlsplit(address)
    if parts.scheme == "https":
        return
    if origin.plain_loopback and parts.scheme == "http" and parts.hostname in _LOOPBACK:
        return
    but = " (http:// only on this machine itself)" if origin.plain_loopback else ""
    what = "repository address" if origin is JARS else "address"
    raise origin.error(f"The {what} must begin with https://{but}. Received: {address}. {origin.wrong_address}.")


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


def download(
    address: str,
    target: Path,
    *,
    size: int,
    digest: str,
    received: Callable[[int], object],
    origin: Origin = JARS,
) -> None:
    """Fetch `address` to `target`; the caller holds the lock of the folder.

    Args:
        address: where the file lies.
        target: the file to write; its folder is made.
        size: the number of bytes that the file has.
        digest: its SHA-256.
        received: told the number of bytes after each piece; a negative number takes back what has to come again.
        origin: what it is, for the errors.

    Raises:
        ResnetError: the origin's; the file could not be had, or has another size or checksum.
    """
    check_address(address, origin)
    partial = target.with_name(target.name + ".part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _attempt_until_whole(address, partial, size, digest, received, origin)
        os.replace(partial, target)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            partial.unlink(missing_ok=True)
            raise origin.error(
                f"The disk is full: {target.name} needs {size / 1e6:.1f} MB in {target.parent}. Free some space, or "
                f"{origin.elsewhere} on another disk."
            ) from error
        raise origin.error(
            f"Cannot write {target}: {error.strerror or error}. Make its folder writable, or "
            f"{origin.elsewhere} that is."
        ) from error


def _attempt_until_whole(
    address: str, partial: Path, size: int, digest: str, received: Callable[[int], object], origin: Origin
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
            _continue(address, partial, size, received, origin)
            _verify(partial, size, digest, received)
            return
        except passing as error:
            code = 0
            if isinstance(error, urllib.error.HTTPError):
                code = error.code
                error.close()
            if code == 416:  # what lies here is no beginning of the file
                partial.unlink(missing_ok=True)
            final = 400 <= code < 500 and code not in (408, 416, 429)
            if final or attempt + 1 == attempts:
                raise origin.error(_advice(address, error, attempt + 1, origin)) from error
            time.sleep(PAUSES[attempt])


def _continue(address: str, partial: Path, size: int, received: Callable[[int], object], origin: Origin) -> None:
    """Fetch what `partial` lacks, or all of it where the server knows no ranges."""
    have = partial.stat().st_size if partial.exists() else 0
    if have >= size:
        received(size)
        return
    request = urllib.request.Request(address, headers={"User-Agent": "py_djl_resnet"})
    if have:
        request.add_header("Range", f"bytes={have}-")
    with urllib.request.build_opener(_SecureRedirects(origin)).open(request, timeout=_TIMEOUT) as answer:
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
        raise _DamagedError(f"{written} bytes came where {size} are expected")


def _verify(partial: Path, size: int, digest: str, received: Callable[[int], object]) -> None:
    found = sha256(partial)
    if found != digest:
        partial.unlink()
        received(-size)
        raise _DamagedError(f"its SHA-256 is {found} where {digest} is expected")


def _advice(address: str, error: Exception, attempts: int, origin: Origin) -> str:
    host = urllib.parse.urlsplit(address).netloc
    times = "once" if attempts == 1 else f"{attempts} times"
    if isinstance(error, _DamagedError):
        cause = f"{error}. Something between this machine and {host} cuts or changes files; try again, or"
        return f"Fetched {address} {times}, but {cause} {origin.another}."
    if isinstance(error, urllib.error.HTTPError):
        cause = f"{host} answered {error.code} {error.reason}"
        if error.code == 404:
            cure = origin.missing
        elif error.code in (401, 403, 407):
            cure = "Check the proxy (HTTPS_PROXY)"
            cure += " and the repository (PY_DJL_RESNET_REPOSITORY)" if origin is JARS else f", or {origin.by_hand}"
        else:
            cure = f"Try again later, or {origin.another}"
        return f"Cannot fetch {address}: {cause}, tried {times}. {cure}."
    reason = getattr(error, "reason", None) or error
    proxy = urllib.request.getproxies().get(urllib.parse.urlsplit(address).scheme)
    # without the user and password that it may carry
    through = f" through the proxy {proxy.rpartition('@')[2]}" if proxy else ""
    return (
        f"Cannot fetch {address}{through}: {reason}, tried {times}. Check the network and HTTPS_PROXY, "
        f"{origin.another}, or {origin.by_hand}."
    )
