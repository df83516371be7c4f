"""Downloads files, verifies their SHA-256, and moves them into place atomically."""

from __future__ import annotations

import hashlib
import http.client
import os
import ssl
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

from tqdm import tqdm

from ..errors import ResnetError

PAUSES = (0.5, 2.0, 5.0)
"""Seconds before the second and each further attempt."""

_TIMEOUT = 30.0
_CHUNK = 1 << 18


class _DamagedError(Exception):
    """The server sent something other than the expected file."""


_TEMPORARY = (
    urllib.error.URLError,
    http.client.HTTPException,
    TimeoutError,
    ConnectionError,
    ssl.SSLError,
    _DamagedError,
)


def download(
    address: str,
    target: Path,
    *,
    size: int,
    digest: str,
    progress: tqdm[Any],
    error: type[ResnetError],
    advice: str,
) -> None:
    """Downloads a file. Another process may download the same one meanwhile.

    Args:
        address: where the file is.
        target: the file to write; its folder is created.
        size: the expected number of bytes.
        digest: the expected SHA-256.
        progress: the bar to advance.
        error: what to raise when the download fails.
        advice: how to get the file in another way.

    Raises:
        ResnetError: `error`; the file could not be downloaded, or has another size or checksum.
        OSError: the target cannot be written.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    before = progress.n
    attempts = len(PAUSES) + 1
    # a folder, because a temporary file would be readable only by this user
    with tempfile.TemporaryDirectory(prefix=f".{target.name}.", suffix=".tmp", dir=target.parent) as folder:
        temporary = Path(folder) / target.name
        for attempt in range(attempts):
            try:
                _transfer(address, temporary, size, digest, progress)
                os.replace(temporary, target)
                return
            except _TEMPORARY as failure:
                progress.n = before
                if attempt + 1 == attempts or _is_final(failure):
                    times = "once" if attempt == 0 else f"{attempt + 1} times"
                    raise error(f"{_cause(address, failure)}, tried {times}. {advice}") from failure
                time.sleep(PAUSES[attempt])


def progress_bar(title: str, total: int, *, quiet: bool) -> tqdm[Any]:
    """Returns a bar of downloaded bytes on standard error; hidden if `quiet`."""
    return tqdm(
        total=total,
        desc=title,
        unit="B",
        unit_scale=True,
        mininterval=0.1 if sys.stderr.isatty() else 2.0,
        file=sys.stderr,
        disable=quiet,
    )


def sha256(path: Path) -> str:
    """Returns the SHA-256 of a file, in hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _transfer(address: str, temporary: Path, size: int, digest: str, progress: tqdm[Any]) -> None:
    request = urllib.request.Request(address, headers={"User-Agent": "py_djl_resnet"})
    found, received = hashlib.sha256(), 0
    opener = urllib.request.build_opener()  # reads HTTPS_PROXY every time; urlopen would keep the first value
    with opener.open(request, timeout=_TIMEOUT) as answer, temporary.open("wb") as file:
        while received <= size and (chunk := answer.read(_CHUNK)):
            file.write(chunk)
            found.update(chunk)
            received += len(chunk)
            progress.update(len(chunk))
        file.flush()
        os.fsync(file.fileno())
    if received != size:
        raise _DamagedError(f"received {'more than ' if received > size else ''}{received} of {size} bytes")
    if found.hexdigest() != digest:
        raise _DamagedError(f"its SHA-256 is {found.hexdigest()} instead of {digest}")


def _is_final(failure: Exception) -> bool:
    return isinstance(failure, urllib.error.HTTPError) and 400 <= failure.code < 500 and failure.code not in (408, 429)


def _cause(address: str, failure: Exception) -> str:
    parts = urllib.parse.urlsplit(address)
    if isinstance(failure, urllib.error.HTTPError):
        failure.close()
        return f"Cannot download {address}: {parts.netloc} answered {failure.code} {failure.reason}"
    proxy = urllib.request.getproxies().get(parts.scheme)
    # without the user and password that the address may contain
    through = f" through the proxy {proxy.rpartition('@')[2]}" if proxy else ""
    return f"Cannot download {address}{through}: {getattr(failure, 'reason', None) or failure}"
