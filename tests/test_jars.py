"""The class path: searched, downloaded, verified."""

import errno
import os

import pytest
from repository import Repository

from py_djl_resnet._fetch import download
from py_djl_resnet._java import jars
from py_djl_resnet.errors import EngineError, JarError, UsageError

CONTENT = bytes(range(256)) * 4000


@pytest.fixture
def repository(monkeypatch, tmp_path):
    """An empty machine and a repository with three jars: one common, one for each engine."""
    repository = Repository()
    locked = (
        repository.add("common", b"common"),
        repository.add("torch", CONTENT, classifier="linux-x86_64", platform="linux-x86_64", engine="pytorch"),
        repository.add("mx", b"mx", classifier="linux-x86_64", platform="linux-x86_64", engine="mxnet"),
    )
    own = tmp_path / "py-djl-resnet-0.jar"
    own.write_bytes(b"own")
    monkeypatch.setattr(jars, "lock", lambda: locked)
    monkeypatch.setattr(jars, "own_jar", lambda: own)
    monkeypatch.setattr(jars, "platform_name", lambda: "linux-x86_64")
    monkeypatch.setattr(download, "PAUSES", (0.0, 0.0))
    for name in ("PY_DJL_RESNET_JARS", "PY_DJL_RESNET_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("M2_REPO", str(tmp_path / "m2"))
    monkeypatch.setenv("PY_DJL_RESNET_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PY_DJL_RESNET_REPOSITORY", repository.address)
    yield repository
    repository.close()


def contents(paths):
    return [path.read_bytes() for path in paths]


def test_downloads_only_the_jars_the_engine_needs(repository):
    assert contents(jars.class_path("pytorch")) == [b"own", b"common", CONTENT]
    assert contents(jars.class_path("mxnet")) == [b"own", b"common", b"mx"]
    assert [path.rsplit("/", 1)[1] for path in repository.requests] == [
        "common-1.0.jar",
        "torch-1.0-linux-x86_64.jar",
        "mx-1.0-linux-x86_64.jar",
    ]


def test_works_offline_if_all_jars_are_found(repository, monkeypatch):
    first = jars.class_path("pytorch")
    repository.requests.clear()
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("PY_DJL_RESNET_REPOSITORY", "https://nowhere.invalid")
    assert jars.class_path("pytorch") == first
    assert repository.requests == []


def test_searches_the_users_folder_then_maven_then_the_cache(repository, monkeypatch, tmp_path):
    jar = jars.lock()[0]
    cached = jars.class_path("mxnet")[1]
    assert cached == tmp_path / "cache" / jar.path
    maven = tmp_path / "m2" / jar.path
    maven.parent.mkdir(parents=True)
    maven.write_bytes(b"common")
    assert jars.class_path("mxnet")[1] == maven
    named = tmp_path / "named" / jar.name
    named.parent.mkdir()
    named.write_bytes(b"common")
    monkeypatch.setenv("PY_DJL_RESNET_JARS", str(named.parent))
    assert jars.class_path("mxnet")[1] == named


def test_retries_after_a_temporary_failure(repository):
    repository.faults = [503, "cut"]
    assert contents(jars.class_path("mxnet"))[1] == b"common"


@pytest.mark.parametrize(
    ("faults", "text"),
    [
        (
            ["damage"] * 3,
            r"1\.0\.jar: its SHA-256 is [0-9a-f]{64} instead of [0-9a-f]{64}, tried 3 times\. Check",
        ),
        (["cut", "cut", "cut"], r"received 3 of 6 bytes, tried 3 times"),
        ([404], r"answered 404 .* tried once\. .*PY_DJL_RESNET_REPOSITORY"),
        ([403], r"answered 403 .* tried once\. Check .*HTTPS_PROXY"),
        ([500] * 3, r"answered 500 .* tried 3 times\. .*copy the jars into a folder"),
    ],
)
def test_reports_why_a_download_failed(repository, faults, text):
    repository.faults = faults
    with pytest.raises(JarError, match=text):
        jars.class_path("mxnet")
    assert not (jars.cache_folder() / jars.lock()[0].path).exists()


def test_reports_the_proxy_without_its_password(repository, monkeypatch):
    for name in ("https_proxy", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://user:secret@127.0.0.1:9")
    monkeypatch.setenv("PY_DJL_RESNET_REPOSITORY", "https://nowhere.invalid")
    with pytest.raises(JarError, match=r"through the proxy 127\.0\.0\.1:9: .*refused") as caught:
        jars.class_path("mxnet")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("way", ["argument", "variable"])
def test_offline_lists_missing_jars_and_searched_folders(repository, monkeypatch, tmp_path, way):
    if way == "variable":
        monkeypatch.setenv("PY_DJL_RESNET_OFFLINE", "1")
    with pytest.raises(JarError) as caught:
        jars.class_path("pytorch", offline=way == "argument")
    text = str(caught.value)
    assert "Missing: common-1.0.jar, torch-1.0-linux-x86_64.jar." in text
    assert f"Searched: {tmp_path / 'm2'}, {tmp_path / 'cache'}" in text
    assert repository.requests == []


def test_incomplete_jars_are_not_used(repository, monkeypatch, tmp_path):
    maven = tmp_path / "m2" / jars.lock()[0].path
    maven.parent.mkdir(parents=True)
    maven.write_bytes(b"comm")
    cached = jars.class_path("mxnet")[1]
    assert cached == jars.cache_folder() / jars.lock()[0].path
    cached.write_bytes(b"comm")
    assert contents(jars.class_path("mxnet"))[1] == b"common"
    monkeypatch.setenv("PY_DJL_RESNET_JARS", str(maven.parent))
    with pytest.raises(JarError, match=r"common-1\.0\.jar.*is not the file that this version needs"):
        jars.class_path("mxnet")


@pytest.mark.parametrize(
    ("number", "text"),
    [(errno.ENOSPC, "No space left on device"), (errno.EROFS, "Read-only file system")],
)
def test_reports_a_disk_that_is_full_or_read_only(repository, monkeypatch, number, text):
    def refuse(_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(download.os, "fsync", refuse)
    with pytest.raises(JarError, match=rf"Cannot write to the cache .*{text}.*PY_DJL_RESNET_CACHE"):
        jars.class_path("mxnet")
    assert [file.name for file in jars.cache_folder().rglob("*") if file.is_file()] == []


def test_two_downloads_of_one_jar_do_not_disturb_each_other(repository, monkeypatch):
    transfer = download._transfer

    def meanwhile(*arguments):
        monkeypatch.setattr(download, "_transfer", transfer)
        transfer(*arguments)
        jars.class_path("mxnet")

    monkeypatch.setattr(download, "_transfer", meanwhile)
    path = jars.class_path("mxnet")[1]
    assert path.read_bytes() == b"common"
    assert path.stat().st_mode & 0o444 == 0o444
    assert list(path.parent.iterdir()) == [path]


def test_shows_progress_only_for_downloads(repository, capsys):
    jars.class_path("mxnet")
    assert "Java libraries from 127.0.0.1" in capsys.readouterr().err
    jars.class_path("mxnet")
    assert capsys.readouterr() == ("", "")


def test_unsupported_platform_is_rejected(repository, monkeypatch):
    monkeypatch.setattr(jars, "platform_name", lambda: "linux-riscv64")
    with pytest.raises(EngineError, match=r"Received: linux-riscv64\. Allowed: linux-x86_64"):
        jars.class_path("pytorch")


@pytest.mark.parametrize(
    ("system", "machine", "name"),
    [("linux", "aarch64", "linux-aarch64"), ("darwin", "arm64", "osx-aarch64"), ("win32", "AMD64", "win-x86_64")],
)
def test_platform_has_djls_name(monkeypatch, system, machine, name):
    monkeypatch.setattr(jars.sys, "platform", system)
    monkeypatch.setattr(jars.platform, "machine", lambda: machine)
    assert jars.platform_name() == name


def test_unknown_engine_is_rejected():
    with pytest.raises(UsageError, match=r"Received: 'tensorflow'\. Allowed: pytorch, mxnet"):
        jars.required("tensorflow")
