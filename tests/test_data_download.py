"""Downloads of data sets: verified, extracted, and moved into place atomically."""

import dataclasses
import hashlib
import io
import re
import tarfile
import zipfile

import pytest
from repository import Repository

from py_djl_resnet import UsageError
from py_djl_resnet._fetch import archive as archives
from py_djl_resnet._fetch import download as downloads
from py_djl_resnet.datasets import download
from py_djl_resnet.errors import DataError

FILES = {"a.bin": b"a" * 700, "b.bin": bytes(range(256)) * 40}
NAME = "small-1.tar.gz"


def tar(*members):
    """A gzip tar archive of (name, content)."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as archive:
        for name, data in members:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return content.getvalue()


MEMBERS = [("small/readme.html", b"<html>"), *((f"small/{name}", content) for name, content in FILES.items())]


@pytest.fixture
def server(monkeypatch, tmp_path):
    """A server with the archive of a data set named cifar-10, and an empty machine."""
    server = Repository()
    monkeypatch.setattr(downloads, "PAUSES", (0.0, 0.0))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("PY_DJL_RESNET_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("PY_DJL_RESNET_OFFLINE", raising=False)
    content = tar(*MEMBERS)
    server.files[f"/{NAME}"] = content
    server.archive = archives.Archive(
        address=f"{server.address}/{NAME}",
        size=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        folder="small",
        files={name: len(content) for name, content in FILES.items()},
    )
    monkeypatch.setitem(archives.ARCHIVES, "cifar-10", server.archive)
    yield server
    server.close()


def zip_of(*members):
    """A zip archive of (name, content)."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, data in members:
            archive.writestr(name, data)
    return content.getvalue()


def everything(folder):
    """The files and folders in a folder, except locks."""
    return sorted(str(f.relative_to(folder)) for f in folder.rglob("*") if f.suffix != ".lock")


def test_published_archive_is_pinned():
    archive = archives.ARCHIVES["cifar-10"]
    assert archive.address.startswith("https://www.cs.toronto.edu/")
    assert re.fullmatch("[0-9a-f]{64}", archive.sha256)
    assert archive.downloads[0].name == "cifar-10-binary.tar.gz"
    # 10,000 records of a label and 32x32 pixels in three colors
    assert set(archive.files.values()) == {30_730_000}


def test_extracts_only_the_expected_files(server, tmp_path):
    folder = download("cifar-10", tmp_path / "data", quiet=True)
    assert folder == tmp_path / "data" / "small"
    assert {f.name: f.read_bytes() for f in folder.iterdir()} == FILES
    assert everything(tmp_path / "data") == ["small", "small/a.bin", "small/b.bin"]
    assert (folder / "a.bin").stat().st_mode & 0o444 == 0o444


def test_extracts_a_zip_into_a_folder_of_another_name(server, monkeypatch, tmp_path):
    content = zip_of(("gzip/other.gz", b"x"), *((f"gzip/{name}", data) for name, data in FILES.items()))
    server.files["/gzip.zip"] = content
    source = archives.Archive(
        address=f"{server.address}/gzip.zip",
        size=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        folder="letters",
        files=dict.fromkeys(FILES),
        inside="gzip",
    )
    monkeypatch.setitem(archives.ARCHIVES, "emnist-letters", source)
    folder = download("emnist-letters", tmp_path, quiet=True)
    assert {f.name: f.read_bytes() for f in folder.iterdir()} == FILES
    assert everything(tmp_path) == ["letters", "letters/a.bin", "letters/b.bin"]
    server.requests.clear()
    download("emnist-letters", tmp_path, quiet=True)
    assert server.requests == []


def test_separate_files_are_all_verified(server, monkeypatch, tmp_path):
    server.files |= {f"/digits/{name}": data for name, data in FILES.items()}
    pinned = {name: (len(data), hashlib.sha256(data).hexdigest()) for name, data in FILES.items()}
    source = archives.Files(f"{server.address}/digits", "digits", pinned)
    monkeypatch.setitem(archives.ARCHIVES, "mnist", source)
    folder = download("mnist", tmp_path, quiet=True)
    assert {f.name: f.read_bytes() for f in folder.iterdir()} == FILES
    (folder / "b.bin").unlink()
    server.files["/digits/b.bin"] = FILES["b.bin"][::-1]
    with pytest.raises(DataError, match=r"its SHA-256 is .* or download a\.bin, b\.bin from http.* into .*digits\."):
        download("mnist", tmp_path, quiet=True)
    assert everything(tmp_path) == ["digits", "digits/a.bin"]


def test_every_source_is_pinned():
    for source in archives.ARCHIVES.values():
        for wanted in source.downloads:
            assert re.fullmatch("[0-9a-f]{64}", wanted.sha256)
            assert wanted.size > 4000
    assert archives.ARCHIVES["cifar-100"].files == {"train.bin": 153_700_000, "test.bin": 30_740_000}
    assert len(archives.ARCHIVES["emnist-letters"].files) == 12


def test_downloads_again_only_if_a_file_is_incomplete(server, tmp_path):
    download("cifar-10", tmp_path, quiet=True)
    server.requests.clear()
    download("cifar-10", tmp_path, quiet=True)
    assert server.requests == []
    (tmp_path / "small" / "b.bin").write_bytes(b"short")
    download("cifar-10", tmp_path, quiet=True)
    assert (tmp_path / "small" / "b.bin").read_bytes() == FILES["b.bin"]


def test_failed_download_is_reported_and_leaves_nothing(server, tmp_path):
    server.faults = ["damage", "cut", 404]
    with pytest.raises(DataError, match=r"answered 404 .* tried 3 times\. Check .*or download http.* extract it into"):
        download("cifar-10", tmp_path, quiet=True)
    assert everything(tmp_path) == []


def test_file_longer_than_expected_is_rejected(server, monkeypatch, tmp_path):
    monkeypatch.setitem(archives.ARCHIVES, "cifar-10", dataclasses.replace(server.archive, size=100))
    with pytest.raises(DataError, match=r"received more than \d+ of 100 bytes"):
        download("cifar-10", tmp_path, quiet=True)
    assert everything(tmp_path) == []


def test_failed_extraction_leaves_nothing(server, monkeypatch, tmp_path):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tarfile.TarFile, "extract", full)
    with pytest.raises(DataError, match=r"Cannot write to .*No space left on device\. .*--data-dir"):
        download("cifar-10", tmp_path, quiet=True)
    assert everything(tmp_path) == []


def test_offline_error_names_what_to_download(server, monkeypatch, tmp_path):
    monkeypatch.setenv("PY_DJL_RESNET_OFFLINE", "1")
    with pytest.raises(DataError, match=rf"OFFLINE disables downloads\. .*download {server.address}/{NAME}"):
        download("cifar-10", tmp_path, quiet=True)
    assert server.requests == []


def test_unknown_data_set_is_rejected():
    with pytest.raises(UsageError, match=r"'cifar-1O'.*'cifar-10'"):
        download("cifar-1O")


def test_command_prints_the_folder(server, command, tmp_path):
    code, out, err = command("datasets", "--download", "cifar-10", "--data-dir", "mine")
    assert (code, out) == (0, f"{tmp_path / 'mine' / 'small'}\n")
    assert f"{NAME} from 127.0.0.1" in err
    code, out, _ = command("datasets", "--download", "cifar-10", "--data-dir", "mine", "--json")
    assert (code, out) == (0, f'{{\n  "folder": "{tmp_path / "mine" / "small"}"\n}}\n')
