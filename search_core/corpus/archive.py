"""Archives: zip and tar files, read member by member into a snapshot.

Nothing is unpacked by the archive's own rules: names, sizes and kinds of members are hostile.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import lzma
import stat
import struct
import tarfile
import zipfile
import zlib
from pathlib import Path
from typing import Any, BinaryIO

from search_core.corpus.files import LOOKED_AT_PER_FILE, MAX_FILE_BYTES, NOT_FOLLOWED, too_many_files
from search_core.corpus.snapshot import (
    Snapshot,
    SnapshotWriter,
    kept_snapshot,
    renew,
    take_snapshot,
    too_large,
)
from search_core.corpus.spec import ArchiveSource
from search_core.settings import Settings
from search_core.types import StudioError

MAX_RATIO = 200
"""Source code shrinks to a fifth or so; what shrinks to less than this part is a bomb."""
RATIO_FROM_BYTES = 20_000_000
MAX_HEADER_BYTES = 1_000_000
"""Longest name or list of attributes that a tar member may have: they are read as a whole."""
CENTRAL_ENTRY = b"PK\x01\x02"
ENCRYPTED = 0x1
NOT_REGULAR = "not a regular file"
DAMAGES = (
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    IndexError,
    MemoryError,  # a dictionary of gigabytes
    OverflowError,
    RuntimeError,
    ValueError,
)
"""What the readers of the standard library raise for what they cannot make sense of, beside OSError."""


def archive_snapshot(source: ArchiveSource, folder: Path, settings: Settings) -> Snapshot:
    """The archive's files as they are now; read again only where its content changed.

    folder: the snapshot's place in the workspace, whose lock the caller holds.
    Raises StudioError for an archive that is damaged, a bomb or larger than the settings allow.
    """
    kept = kept_snapshot(folder)
    try:
        status = source.file.stat()
        version = {"size": status.st_size, "mtime_ns": status.st_mtime_ns}
        if kept and {**kept.version, **version} == kept.version:
            return kept
        sha256, entries = _scan(source.file)
        if kept and kept.version.get("sha256") == sha256:
            return renew(folder, kept, {**version, "sha256": sha256})
        is_zip = source.file.suffix.lower() == ".zip"
        if is_zip and entries > settings.max_files * LOOKED_AT_PER_FILE:
            raise too_many_files(f"Corpus {source.spec!r}", settings.max_files)
        read = _read_zip if is_zip else _read_tar
        return take_snapshot(
            folder,
            {**version, "sha256": sha256},
            lambda root: SnapshotWriter(root, source.spec, settings),
            lambda writer: read(source, writer, settings),
        )
    except OSError as error:
        raise StudioError(f"Archive {source.spec!r} cannot be read: {error.strerror or error}.") from error


def _scan(file: Path) -> tuple[str, int]:
    """SHA-256, and about how many members a zip has: its reader loads the list of all of them."""
    digest, entries = hashlib.sha256(), 0
    with file.open("rb") as opened:
        while block := opened.read(1 << 20):
            digest.update(block)
            entries += block.count(CENTRAL_ENTRY)
    return digest.hexdigest(), entries


def _read_zip(source: ArchiveSource, writer: SnapshotWriter, _settings: Settings) -> Path:
    try:
        with zipfile.ZipFile(source.file) as archive:
            if sum(member.file_size for member in archive.infolist()) > _plausible_bytes(source):
                raise _bomb(source)
            for member in archive.infolist():
                is_folder = member.filename.endswith("/")  # is_dir() wants a name, and it may be empty
                if not is_folder and writer.wants(member.filename, member.file_size, _zip_problem(member)):
                    _copy_from_zip(archive, member, writer)
    except DAMAGES as error:
        raise _damaged(source, error) from error
    return writer.only_folder()


def _zip_problem(member: zipfile.ZipInfo) -> str | None:
    """Why a member cannot be read. Archives from systems without Unix modes say 0."""
    kind = stat.S_IFMT(member.external_attr >> 16)
    if kind == stat.S_IFLNK:
        return NOT_FOLLOWED
    if kind not in (0, stat.S_IFREG):
        return NOT_REGULAR
    return "encrypted" if member.flag_bits & ENCRYPTED else None


def _copy_from_zip(archive: zipfile.ZipFile, member: zipfile.ZipInfo, writer: SnapshotWriter) -> None:
    try:
        with archive.open(member) as opened:
            data = opened.read(MAX_FILE_BYTES + 1)
    except (*DAMAGES, OSError) as error:
        writer.leave_out(member.filename, f"damaged: {error}")
    else:
        writer.write(member.filename, data)


def _read_tar(source: ArchiveSource, writer: SnapshotWriter, settings: Settings) -> Path:
    packed = source.file.suffix.lower() != ".tar"
    try:
        with (
            source.file.open("rb") as raw,
            gzip.open(raw) if packed else raw as unpacked,
            tarfile.open(
                fileobj=_Limited(unpacked, source, settings), mode="r|", tarinfo=_Member, errorlevel=1
            ) as archive,
        ):
            for member in archive:
                archive.members = []  # type: ignore[attr-defined]  # or it would keep all of them
                if not member.isdir() and writer.wants(member.name, member.size, _tar_problem(member)):
                    opened = archive.extractfile(member)
                    assert opened is not None  # noqa: S101 — it is a regular file
                    writer.write(member.name, opened.read())
    except (*DAMAGES, gzip.BadGzipFile) as error:
        raise _damaged(source, error) from error
    return writer.only_folder()


def _tar_problem(member: tarfile.TarInfo) -> str | None:
    if member.issym() or member.islnk():
        return NOT_FOLLOWED if member.issym() else "hard link, not followed"
    return None if member.isfile() else NOT_REGULAR


class _Member(tarfile.TarInfo):
    """A header that is not believed when it asks for much memory."""

    @classmethod
    def frombuf(cls, *args: Any, **options: Any) -> _Member:
        member = super().frombuf(*args, **options)
        if member.type not in tarfile.SUPPORTED_TYPES or member.isfile() or member.size <= MAX_HEADER_BYTES:
            return member
        raise tarfile.ReadError(f"a header of {member.size:,} bytes")


class _Limited(io.RawIOBase):
    """What was packed, as long as it is not out of proportion."""

    def __init__(self, unpacked: BinaryIO | gzip.GzipFile, source: ArchiveSource, settings: Settings) -> None:
        self._unpacked = unpacked
        self._source = source
        self._max_mb = settings.max_source_mb
        self._plausible_bytes = _plausible_bytes(source)
        self._bytes = 0

    def read(self, size: int = -1) -> bytes:
        data = self._unpacked.read(size)
        self._bytes += len(data)
        if self._bytes > self._plausible_bytes:
            raise _bomb(self._source)
        if self._bytes > self._max_mb * 1_000_000:
            raise too_large(self._source.spec, self._max_mb)
        return data


def _plausible_bytes(source: ArchiveSource) -> int:
    return max(RATIO_FROM_BYTES, MAX_RATIO * source.file.stat().st_size)


def _bomb(source: ArchiveSource) -> StudioError:
    return StudioError(
        f"Archive {source.spec!r} unpacks to more than {MAX_RATIO} times its size: it is not read."
    )


def _damaged(source: ArchiveSource, error: Exception) -> StudioError:
    return StudioError(
        f"Archive {source.spec!r} is damaged or not what its name says ({error}): make it anew, "
        "or unpack it and give the folder."
    )
