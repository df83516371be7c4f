"""Data sets that are fetched: over TLS alone, with the right checksum alone, only into their folder."""

import dataclasses
import gzip
import hashlib
import io
import re
import shutil
import subprocess
import tarfile

import pytest
from repository import Repository

from py_djl_resnet import UsageError
from py_djl_resnet._fetch import archive as archives
from py_djl_resnet._fetch import download as downloads
from py_djl_resnet.datasets import default_folder, download
from py_djl_resnet.errors import DataError

FILES = {"a.bin": b"a" * 700, "b.bin": bytes(range(256)) * 40}
NAME = "small-1.tar.gz"


def tar(*members):
    """A gzip tar archive of (name, content) or finished members."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz", format=tarfile.PAX_FORMAT) as archive:
        for member in members:
            if isinstance(member, tarfile.TarInfo):
                archive.addfile(member)
            else:
                info = tarfile.TarInfo(member[0])
                info.size = len(member[1])
                archive.addfile(info, io.BytesIO(member[1]))
    return content.getvalue()


def special(name, kind, target=""):
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


SOUND = [("small/readme.html", b"<html>"), *((f"small/{name}", content) for name, content in FILES.items())]


@pytest.fixture(scope="session")
def certificate(tmp_path_factory):
    """A certificate for 127.0.0.1 that nobody has signed, with its key, in one file."""
    if shutil.which("openssl") is None:
        pytest.skip("no openssl command, which makes the certificate of the test's server")
    folder = tmp_path_factory.mktemp("tls")
    command = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -keyout key.pem"
    command += " -out certificate.pem -addext keyUsage=digitalSignature,keyCertSign"
    command += " -addext subjectAltName=DNS:localhost,IP:127.0.0.1"
    subprocess.run(command.split(), cwd=folder, check=True, capture_output=True)
    both = folder / "both.pem"
    both.write_bytes((folder / "key.pem").read_bytes() + (folder / "certificate.pem").read_bytes())
    return both


@pytest.fixture
def server(certificate, monkeypatch, tmp_path):
    """A TLS server with the archive of a data set named cifar-10, and an empty machine that trusts it."""
    server = Repository(certificate)
    monkeypatch.setattr(downloads, "PAUSES", (0.0, 0.0))
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("PY_DJL_RESNET_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("PY_DJL_RESNET_OFFLINE", raising=False)

    def publish(content, **changes):
        server.files[f"/{NAME}"] = content
        archive = archives.Archive(
            address=f"{server.address}/{NAME}",
            size=len(content),
            sha256=hashlib.sha256(content).hexdigest(),
            folder="small",
            files={name: len(content) for name, content in FILES.items()},
            unpacked=1_000_000,
        )
        archive = dataclasses.replace(archive, **changes)
        monkeypatch.setitem(archives.ARCHIVES, "cifar-10", archive)
        return archive

    server.publish = publish
    publish(tar(*SOUND))
    yield server
    server.close()


def everything(folder):
    """What lies in a folder, but for the locks."""
    return sorted(str(f.relative_to(folder)) for f in folder.rglob("*") if f.is_file() and f.suffix != ".lock")


def test_the_published_archive_is_pinned():
    archive = archives.ARCHIVES["cifar-10"]
    assert archive.address.startswith("https://www.cs.toronto.edu/")
    assert re.fullmatch("[0-9a-f]{64}", archive.sha256)
    assert archive.name == "cifar-10-binary.tar.gz"
    # 10,000 records of a label and 32x32 pixels in three colours
    assert set(archive.files.values()) == {30_730_000}
    assert sum(archive.files.values()) < archive.unpacked


def test_fetches_unpacks_and_leaves_the_files_alone(server, tmp_path):
    folder = download("cifar-10", tmp_path / "data", quiet=True)
    assert folder == tmp_path / "data" / "small"
    assert {f.name: f.read_bytes() for f in folder.iterdir()} == FILES
    assert everything(tmp_path / "data") == ["small/a.bin", "small/b.bin"]


def test_what_is_there_is_not_fetched_again(server, tmp_path):
    download("cifar-10", tmp_path, quiet=True)
    server.requests.clear()
    download("cifar-10", tmp_path, quiet=True)
    assert server.requests == []
    (tmp_path / "small" / "b.bin").write_bytes(b"short")
    download("cifar-10", tmp_path, quiet=True)
    assert (tmp_path / "small" / "b.bin").read_bytes() == FILES["b.bin"]


def test_without_a_folder_it_goes_to_where_training_looks(server, tmp_path):
    assert download("cifar-10", quiet=True) == default_folder("cifar-10") / "small"
    assert (tmp_path / "cache" / "data" / "small" / "a.bin").is_file()


def test_goes_on_with_a_transfer_that_was_cut(server, tmp_path):
    server.faults = ["cut"]
    download("cifar-10", tmp_path, quiet=True)
    assert [ranged for _, ranged in server.requests] == [None, f"bytes={len(tar(*SOUND)) // 2}-"]
    assert everything(tmp_path) == ["small/a.bin", "small/b.bin"]


@pytest.mark.parametrize(
    ("faults", "text"),
    [
        (["damage"] * 3, r"3 times, but its SHA-256 is [0-9a-f]{64} where [0-9a-f]{64} is expected"),
        (["cut"] * 12, r"3 times, but \d+ bytes came where \d+ are expected"),
        ([404], r"answered 404 .* tried once\. It has moved"),
        ([403], r"answered 403 .*Check the proxy \(HTTPS_PROXY\), or fetch it with another program"),
        ([500] * 3, r"answered 500 .* tried 3 times\. Try again later"),
        (["http://example.invalid/x"], r"must begin with https://\. Received: http://example\.invalid/x"),
        (["http://127.0.0.1:9/x"], r"must begin with https://\. Received: http://127\.0\.0\.1:9/x"),
        (["file:///etc/passwd"] * 3, r"answered 302 .*Redirection to url 'file:///etc/passwd' is not allowed"),
    ],
)
def test_says_why_it_could_not_be_had(server, tmp_path, faults, text):
    server.faults = faults
    with pytest.raises(DataError, match=text) as caught:
        download("cifar-10", tmp_path, quiet=True)
    assert "REPOSITORY" not in str(caught.value)
    assert not (tmp_path / "small").exists()


def test_a_file_of_another_checksum_is_not_unpacked(server, tmp_path):
    server.publish(tar(*SOUND), sha256="0" * 64)
    with pytest.raises(DataError, match=r"where 0{64} is expected"):
        download("cifar-10", tmp_path, quiet=True)
    assert everything(tmp_path) == []


def test_no_more_is_taken_than_was_announced(server, tmp_path):
    server.publish(tar(*SOUND), size=100)
    with pytest.raises(DataError, match="bytes came where 100 are expected"):
        download("cifar-10", tmp_path, quiet=True)
    assert everything(tmp_path) == []


def test_a_server_without_a_trusted_certificate_is_refused(server, monkeypatch, tmp_path):
    monkeypatch.delenv("SSL_CERT_FILE")
    with pytest.raises(DataError, match="CERTIFICATE_VERIFY_FAILED"):
        download("cifar-10", tmp_path, quiet=True)
    assert server.requests == []


@pytest.mark.parametrize("address", ["http://www.cs.toronto.edu/x.tar.gz", "http://127.0.0.1:9/x", "ftp://a/x"])
def test_an_address_without_tls_is_refused(server, tmp_path, address):
    server.publish(tar(*SOUND), address=address)
    with pytest.raises(DataError, match=f"must begin with https://. Received: {address}"):
        download("cifar-10", tmp_path, quiet=True)


def test_offline_it_says_what_to_fetch(server, monkeypatch, tmp_path):
    monkeypatch.setenv("PY_DJL_RESNET_OFFLINE", "1")
    with pytest.raises(DataError, match=rf"network is forbidden.*Fetch {server.address}/{NAME}"):
        download("cifar-10", tmp_path, quiet=True)
    assert server.requests == []


LINKS = [
    special("small/a.bin", tarfile.SYMTYPE, "/etc/passwd"),
    special("small/a.bin", tarfile.LNKTYPE, "small/b.bin"),
    special("small", tarfile.SYMTYPE, "/tmp"),
    special("small/a.bin", tarfile.FIFOTYPE),
    special("small/device", tarfile.CHRTYPE),
]


@pytest.mark.parametrize("member", LINKS, ids=lambda m: f"{m.name}-{m.type.decode()}")
def test_links_and_devices_are_refused(server, tmp_path, member):
    server.publish(tar(member, *SOUND))
    with pytest.raises(DataError, match=rf"refused, for '{member.name}' is neither a file nor a folder"):
        download("cifar-10", tmp_path / "data", quiet=True)
    assert everything(tmp_path / "data") == []


@pytest.mark.parametrize(
    "name", ["/etc/evil", "../evil", "small/../../evil", "small/..", "C:/evil", "..\\evil", "\\evil"]
)
def test_names_that_leave_the_folder_are_refused(server, tmp_path, name):
    server.publish(tar((name, b"evil"), *SOUND))
    with pytest.raises(DataError, match="leads out of its folder"):
        download("cifar-10", tmp_path / "data", quiet=True)
    assert everything(tmp_path) == []


@pytest.mark.parametrize(
    ("members", "text"),
    [
        ([*SOUND[:2], ("small/b.bin", b"b" * 20_000)], r"small/b.bin must be a file of 10240 bytes; received 20000"),
        ([*SOUND[:2], ("small/b.bin", b"")], r"small/b.bin must be a file of 10240 bytes; received 0"),
        ([special("small/b.bin", tarfile.DIRTYPE)], "small/b.bin must be a file of 10240 bytes"),
        (SOUND[:2], "lacks small/b.bin"),
        ([*SOUND, SOUND[1]], "holds small/a.bin twice"),
        ([("small/readme.html", bytes(2_000_000)), *SOUND], "unpacks to more than it should"),
        ([("small/" + "n" * 2_000_000, b""), *SOUND], "unpacks to more than it should"),
    ],
    ids=["too-long", "empty", "folder", "missing", "twice", "bomb", "bomb-of-a-name"],
)
def test_an_archive_that_does_not_hold_the_files_is_refused(server, tmp_path, members, text):
    server.publish(tar(*members))
    with pytest.raises(DataError, match=text):
        download("cifar-10", tmp_path, quiet=True)
    assert not list(tmp_path.rglob("*.tmp"))
    assert not (tmp_path / NAME).exists()


def test_what_is_no_archive_is_refused(server, tmp_path):
    sound = tar(*SOUND)
    for content in (b"", b"text", sound[:-20], gzip.compress(b"text" * 500), sound[:40] + b"\0" + sound[41:]):
        server.publish(content)
        with pytest.raises(DataError, match=NAME):
            download("cifar-10", tmp_path, quiet=True)


def test_extra_files_are_left_in_the_archive(server, tmp_path):
    server.publish(tar(*SOUND, ("small/sub/a.bin", b"x"), ("a.bin", b"y"), ("other/a.bin", b"z")))
    download("cifar-10", tmp_path, quiet=True)
    assert everything(tmp_path) == ["small/a.bin", "small/b.bin"]


def test_a_folder_that_cannot_be_written_is_named(server, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DataError, match=r"Cannot write to .*file"):
        download("cifar-10", tmp_path / "file", quiet=True)


def test_a_data_set_that_is_not_fetched_is_named():
    with pytest.raises(UsageError, match=r"'cifar-1O' cannot be fetched\. Did you mean 'cifar-10'\? Allowed: cifar-10"):
        download("cifar-1O")


def test_the_command_prints_the_folder(server, command, tmp_path):
    code, out, err = command("datasets", "--download", "cifar-10", "--data-dir", "mine")
    assert (code, out) == (0, f"{tmp_path / 'mine' / 'small'}\n")
    assert f"{NAME} from 127.0.0.1" in err
    code, out, _ = command("datasets", "--download", "cifar-10", "--data-dir", "mine", "--json")
    assert (code, out) == (0, f'{{\n  "folder": "{tmp_path / "mine" / "small"}"\n}}\n')


def test_the_command_refuses_what_makes_no_sense(refused):
    assert refused("datasets", "--download", "idx") == (
        2,
        "data set 'idx' is not one that is fetched; allowed: cifar-10",
    )
    assert refused("datasets", "--data-dir", "mine") == (2, "--data-dir goes with --download")
