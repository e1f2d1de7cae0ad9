"""Fetch the sources of the judged packages, each with its registry's own client.

    python -m benchmarks.sources                 fetch what is not cached
    python -m benchmarks.sources --check         ... and check the judgments against them (needs ctags)
    python -m benchmarks.sources --record        ... and write their SHA-256 into the judged files

They are unpacked below $CODESEARCH_SOURCES, or else the workspace. What cannot be fetched, or is not
what was judged, is left out with a line that says so, and counts in no figure.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path

from benchmarks.queries import (
    PUBLISHED,
    Package,
    Source,
    defined_names,
    load_packages,
    problems_of_package,
    problems_of_set,
    published_package,
    shared_identifiers,
)
from search_core.settings import Settings

TIMEOUT_S = 600


class SourceError(Exception):
    """Why a package's sources are not here."""


def cache_folder() -> Path:
    given = os.environ.get("CODESEARCH_SOURCES")
    return Path(given) if given else Settings.from_environment().workspace / "sources"


def all_packages() -> list[Package]:
    """The judged ones, and the published one where the development data are at hand."""
    datasets = Path(os.environ.get("CODESEARCH_DATASETS", "nowhere"))
    published = [published_package(datasets)] if (datasets / "repo_search" / "pydantic.json").exists() else []
    return [*load_packages(), *published]


def fetch_all(packages: Sequence[Package]) -> Iterator[tuple[Package, Path]]:
    """Each package with its unpacked sources; those that are not what was judged are printed and skipped."""
    for package in packages:
        try:
            yield package, fetch(package)
        except SourceError as error:
            print(f"{package.name}: left out, {error}", flush=True)


def fetch(package: Package) -> Path:
    """The folder that the package's paths are relative to. Raises SourceError."""
    root = cached(package)
    if not root.is_dir():
        root.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=root.parent) as scratch:
            download, unpacked = Path(scratch, "download"), Path(scratch, "unpacked")
            download.mkdir()
            unpacked.mkdir()
            CLIENTS[package.source.registry](package.source, download, unpacked)
            unpacked.rename(root)
    if not (root / package.folder).is_dir():
        raise SourceError(f"{package.source.name} {package.source.version} has no folder {package.folder}")
    if package.sha256 and folder_sha256(root / package.folder) != package.sha256:
        raise SourceError(f"{root / package.folder} is not what was judged: remove it, or judge anew")
    return root


def cached(package: Package) -> Path:
    """Where the package's sources are, once fetched."""
    return cache_folder() / "-".join((package.source.registry, package.source.name, package.source.version))


def folder_sha256(folder: Path) -> str:
    """SHA-256 over the paths and contents of a folder's files, in the order of their paths, without links."""
    digest = hashlib.sha256()
    files = [file for file in folder.rglob("*") if file.is_file() and not file.is_symlink()]
    for file in sorted(files, key=lambda file: file.relative_to(folder).as_posix()):
        content = hashlib.sha256(file.read_bytes()).hexdigest()
        digest.update(f"{file.relative_to(folder).as_posix()}\0{content}\n".encode())
    return digest.hexdigest()


def fetch_pypi(source: Source, download: Path, unpacked: Path) -> None:
    requirement = f"{source.name}=={source.version}"
    pip = (sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check")
    run(*pip, "--no-deps", "--no-binary", ":all:", requirement, folder=download)
    unpack(download, unpacked)


def fetch_npm(source: Source, download: Path, unpacked: Path) -> None:
    run("npm", "pack", "--silent", f"{source.name}@{source.version}", folder=download)
    unpack(download, unpacked)


def fetch_debian(source: Source, download: Path, unpacked: Path) -> None:
    """A binary package: those of Go, Rust, Ruby and PHP libraries carry the sources."""
    run("apt-get", "download", "--quiet", f"{source.name}={source.version}", folder=download)
    (archive,) = download.glob("*.deb")
    run("dpkg", "-x", str(archive), str(unpacked), folder=download)


def fetch_debian_source(source: Source, download: Path, unpacked: Path) -> None:
    """The upstream tarball of a source package, without Debian's own changes."""
    options = source_index()
    run(
        "apt-get",
        *options,
        "source",
        "--quiet",
        "--download-only",
        f"{source.name}={source.version}",
        folder=download,
    )
    unpack(download, unpacked, "*.orig.tar.*")


CLIENTS: Mapping[str, Callable[[Source, Path, Path], None]] = {
    "pypi": fetch_pypi,
    "npm": fetch_npm,
    "debian": fetch_debian,
    "debian-source": fetch_debian_source,
}


@cache
def source_index() -> tuple[str, ...]:
    """Options with which apt-get knows source packages, too: of where it has its binary packages from.

    The lists are kept beside the sources, so that the system's own are not touched.
    """
    targets = run(
        "apt-get",
        "indextargets",
        "--format",
        "deb-src $(REPO_URI) $(RELEASE) $(COMPONENT)",
        "Created-By: Packages",
        "Origin: Debian",
    )
    apt = cache_folder() / ".apt"
    (apt / "lists" / "partial").mkdir(parents=True, exist_ok=True)
    (apt / "archives" / "partial").mkdir(parents=True, exist_ok=True)
    (apt / "sources.list").write_text(targets, "utf-8")
    settings = {
        "Dir::Etc::SourceList": apt / "sources.list",
        "Dir::Etc::SourceParts": os.devnull,
        "Dir::State::Lists": apt / "lists",
        "Dir::Cache": apt,
    }
    options = tuple(part for name, value in settings.items() for part in ("-o", f"{name}={value}"))
    run("apt-get", *options, "--quiet", "update")
    return options


def run(*command: str, folder: Path | None = None) -> str:
    """Standard output. Raises SourceError where the client is missing, fails or takes too long."""
    try:
        done = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, timeout=TIMEOUT_S, check=True
        )
    except FileNotFoundError:
        raise SourceError(f"{command[0]} is not installed") from None
    except subprocess.TimeoutExpired:
        raise SourceError(f"{command[0]} took more than {TIMEOUT_S} s") from None
    except subprocess.CalledProcessError as error:
        last = (error.stderr or error.stdout).strip().splitlines()[-1:]
        raise SourceError(f"{command[0]} failed: {''.join(last)}") from error
    return done.stdout


def unpack(download: Path, into: Path, pattern: str = "*.t*z*") -> None:
    """Unpack the one tarball; nothing of it lands outside."""
    archives = list(download.glob(pattern))
    if len(archives) != 1:
        raise SourceError(f"expected one archive, got {', '.join(file.name for file in archives) or 'none'}")
    with tarfile.open(archives[0]) as archive:
        archive.extractall(into, filter="data")


def problems_with_sources(package: Package, root: Path) -> list[str]:
    """Targets that do not exist, and plain-language queries that share an identifier with a target."""
    every = (*package.queries, *package.named)
    targets = sorted({root / path for query in every for path in query.targets})
    missing = [f"{path.relative_to(root)} does not exist" for path in targets if not path.is_file()]
    defined = defined_names([path for path in targets if path.is_file()])
    shared = [
        f"{query.text!r} names {', '.join(names)}"
        for query in package.queries
        if (names := shared_identifiers(query, names_of(query.targets, root, defined)))
    ]
    return missing + shared


def names_of(targets: Sequence[str], root: Path, defined: Mapping[Path, frozenset[str]]) -> frozenset[str]:
    return frozenset().union(*(defined.get(root / path, frozenset()) for path in targets))


def record(package: Package, root: Path) -> None:
    """Write the sources' SHA-256 into the package's judged file, its other lines as they are."""
    line = f' "sha256": {json.dumps(folder_sha256(root / package.folder))},\n'
    text = re.sub(r'^ *"sha256":.*\n', "", package.file.read_text("utf-8"), flags=re.MULTILINE)
    text = re.sub(r'^( *"folder":.*\n)', lambda found: found[1] + line, text, flags=re.MULTILINE)
    package.file.write_text(text, "utf-8")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--package", action="append", metavar="NAME", help="these alone")
    parser.add_argument("--check", action="store_true", help="check the judgments against the sources")
    parser.add_argument("--record", action="store_true", help="write the sources' SHA-256")
    arguments = parser.parse_args()
    packages = [p for p in all_packages() if not arguments.package or p.name in arguments.package]
    if arguments.check and shutil.which("ctags") is None:
        parser.error("--check needs Universal Ctags: install the package universal-ctags")
    problems = [] if arguments.package or not arguments.check else problems_of_set(load_packages())
    for package, root in fetch_all(packages):
        print(f"{package.name}: {root / package.folder}", flush=True)
        if arguments.record and package.part != PUBLISHED:
            record(package, root)
        if arguments.check and package.part != PUBLISHED:
            found = problems_of_package(package) + problems_with_sources(package, root)
            problems += [f"{package.name}: {problem}" for problem in found]
    for problem in problems:
        print(problem)
    return 1 if problems else 0


if __name__ == "__main__":
    raise SystemExit(main())
