"""Corpus specs: one string names a corpus on the command line, in the page and in the API."""

from __future__ import annotations

import hashlib
import re
import sysconfig
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import quote

from search_core.types import StudioError

ACCEPTED = (
    "stdlib, package:NAME, a folder, a .zip or .tar.gz file, https://HOST/OWNER/REPO[@REV], "
    "dataset:ID_OR_PATH, or several joined by ' + '"
)
ARCHIVES = (".zip", ".tar.gz", ".tgz", ".tar")
JOINED_BY = " + "
DEFAULT_PORTS = {"https": 443, "http": 80}
HUB_ID = re.compile(r"\w[\w.-]*/\w[\w.-]*", re.ASCII)

REPOSITORY_LIKE = re.compile(r"[a-z][a-z0-9+.-]*://|git@", re.IGNORECASE)
REPOSITORY = re.compile(
    r"(?P<scheme>https?)://(?P<host>[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?::(?P<port>[0-9]{1,5}))?"
    r"(?P<path>(?:/[\w.~-]+){2,})/?(?:@(?P<revision>[\w.][\w./+-]*))?",
    re.ASCII,
)
BROWSER_PAGE = re.compile(
    r"(?P<repository>https://[^/@\s]+(?:/[^/@\s]+){2,}?)(?:/-)?/(?:tree|blob)/(?P<revision>[^/\s]+)"
)


@dataclass(frozen=True, slots=True)
class CodeSource:
    """Source files on this machine. name: of the distribution for a package, else of the folder."""

    spec: str
    kind: Literal["stdlib", "package", "folder"]
    root: Path
    name: str

    @property
    def identity(self) -> str:
        return f"{self.kind}\0{self.root}\0{self.name}"


@dataclass(frozen=True, slots=True)
class ArchiveSource:
    """A zip or tar file. name: of the file, without what says how it is packed."""

    spec: str
    file: Path
    name: str

    @property
    def identity(self) -> str:
        return f"archive\0{self.file}"


@dataclass(frozen=True, slots=True)
class GitSource:
    """A repository on a git server.

    path: of the repository on the server, `/OWNER/REPO` or `/OWNER/REPO.git`.
    revision: a branch, a tag or a full commit hash; None is the server's own choice.
    """

    spec: str
    scheme: Literal["https", "http"]
    host: str
    port: int
    path: str
    revision: str | None

    @property
    def name(self) -> str:
        return self.page.rpartition("/")[2]

    @property
    def url(self) -> str:
        """What git asks."""
        usual = self.port == DEFAULT_PORTS[self.scheme]
        return f"{self.scheme}://{self.host}{'' if usual else f':{self.port}'}{self.path}"

    @property
    def page(self) -> str:
        """What a browser asks."""
        return self.url.removesuffix(".git")

    @property
    def identity(self) -> str:
        return f"git\0{self.page}\0{self.revision or ''}"

    def permalink(self, commit: str, path: str, first: int, last: int) -> str:
        """The page that shows these lines, for the kinds of servers that their names tell."""
        place = quote(path)
        if "gitlab" in self.host:
            return f"{self.page}/-/blob/{commit}/{place}#L{first}-{last}"
        if self.host in ("codeberg.org", "gitea.com"):
            return f"{self.page}/src/commit/{commit}/{place}#L{first}-L{last}"
        if self.host == "bitbucket.org":
            return f"{self.page}/src/{commit}/{place}#lines-{first}:{last}"
        return f"{self.page}/blob/{commit}/{place}#L{first}-L{last}"


SingleSource = CodeSource | ArchiveSource | GitSource


@dataclass(frozen=True, slots=True)
class DatasetSource:
    """A retrieval data set. name: a Hub id (`OWNER/NAME`), or the local folder as an absolute path."""

    spec: str
    name: str
    local: bool

    @property
    def identity(self) -> str:
        return f"dataset\0{self.name}"


@dataclass(frozen=True, slots=True)
class UnionSource:
    """Several corpora of code, searched as one. names: opens the paths of each part, all different."""

    spec: str
    parts: tuple[SingleSource, ...]
    names: tuple[str, ...]

    @property
    def name(self) -> str:
        return "-".join(self.names)

    @property
    def identity(self) -> str:
        return "union\0" + "\0\0".join(part.identity for part in self.parts)


Source = SingleSource | DatasetSource | UnionSource


def parse_spec(spec: str) -> Source:
    """What a spec names. Reserved words win, then an existing local path (`./stdlib` is a folder).

    Raises StudioError where it names nothing, and says which forms are accepted.
    """
    prefix, colon, name = spec.partition(":")
    path = existing_path(spec)
    if JOINED_BY in spec and path is None:
        return _union_source(spec)
    if spec == "stdlib":
        return CodeSource(spec, "stdlib", Path(sysconfig.get_path("stdlib")), spec)
    if colon and prefix == "package":
        return CodeSource(spec, "package", Path(sysconfig.get_path("purelib")), name)
    if colon and prefix == "dataset":
        return _dataset_source(spec, name)
    if path:
        return _local_source(spec, path)
    if REPOSITORY_LIKE.match(spec):
        return parse_repository(spec)
    kind = "archive" if spec.lower().endswith(ARCHIVES) else "folder"
    raise StudioError(f"Unknown corpus {spec!r}: no {kind} of that name exists. Give {ACCEPTED}.")


def parse_repository(spec: str) -> GitSource:
    """A repository's address, as strict as it can be: what git reads is put together from its parts.

    Raises StudioError, without repeating what may be a password.
    """
    match = REPOSITORY.fullmatch(spec)
    if page := BROWSER_PAGE.match(spec):
        raise StudioError(
            f"Corpus {spec!r} is a page about a repository: give {page['repository']}@{page['revision']}."
        )
    if match is None or ".." in spec or "/./" in spec:
        raise StudioError(_not_a_repository(spec))
    scheme: Literal["https", "http"] = "https" if match["scheme"] == "https" else "http"
    port = int(match["port"] or DEFAULT_PORTS[scheme])
    return GitSource(spec, scheme, match["host"].lower(), port, match["path"], match["revision"])


def corpus_id(source: Source) -> str:
    """Name of the corpus' folder in the workspace: readable, and different for different places."""
    readable = re.sub(r"[^A-Za-z0-9]+", "-", source.name)[-40:].strip("-") or "corpus"
    return f"{readable}-{hashlib.sha256(source.identity.encode('utf-8', 'surrogatepass')).hexdigest()[:12]}"


def stored_ids(source: Source) -> frozenset[str]:
    """Names of all folders in which the workspace may keep something of a corpus, or of its parts."""
    parts = source.parts if isinstance(source, UnionSource) else ()
    return frozenset(map(corpus_id, (source, *parts)))


def part_specs(spec: str) -> tuple[str, ...]:
    """The specs that a union joins, or the one itself. Folders need not be there any more.

    >>> part_specs("stdlib + ./live"), part_specs("stdlib")
    (('stdlib', './live'), ('stdlib',))
    """
    if existing_path(spec):  # its name has a plus
        return (spec,)
    return tuple(part.strip() for part in spec.split(JOINED_BY))


def existing_path(text: str) -> Path | None:
    """The absolute path of what is there, else None, also for what cannot be a path."""
    with suppress(OSError, ValueError, RuntimeError):  # too long, a NUL byte, an unknown ~user
        return Path(text).expanduser().resolve(strict=True) if text.strip() else None
    return None


def lasting_spec(source: Source) -> str:
    """The same corpus, wherever the program is started next time: relative paths become absolute."""
    match source:
        case UnionSource(parts=parts):
            return JOINED_BY.join(map(lasting_spec, parts))
        case CodeSource(kind="folder", root=path) | ArchiveSource(file=path):
            return source.spec if Path(source.spec).expanduser().is_absolute() else str(path)
        case DatasetSource(local=True):
            return f"dataset:{source.name}"
    return source.spec


def _not_a_repository(spec: str) -> str:
    address = REPOSITORY_LIKE.sub("", spec, count=1).partition("/")[0]
    if not spec.lower().startswith(("http://", "https://")):
        return (
            "Only repositories at https addresses can be loaded, not over ssh, git or file: "
            "give https://HOST/OWNER/REPO[@REV], or clone it yourself and give the folder."
        )
    if "@" in address:
        return (
            "An address with a user or a password is refused: give https://HOST/OWNER/REPO[@REV] of a public "
            "repository, or clone it yourself and give the folder."
        )
    return f"Corpus {spec!r} is not the address of a repository: give https://HOST/OWNER/REPO[@REV]."


def _local_source(spec: str, path: Path) -> SingleSource:
    if path.is_dir():
        return CodeSource(spec, "folder", path, path.name)
    for ending in ARCHIVES:
        if path.name.lower().endswith(ending):
            return ArchiveSource(spec, path, path.name[: -len(ending)])
    raise StudioError(
        f"Corpus {spec!r} is a file, but neither a folder nor one of {', '.join(ARCHIVES)}: unpack it and "
        "give the folder."
    )


def _union_source(spec: str) -> UnionSource:
    parts: list[SingleSource] = []
    for part in part_specs(spec):
        source = parse_spec(part)
        if isinstance(source, DatasetSource | UnionSource):
            raise StudioError(
                f"Corpus {spec!r}: a data set cannot be joined with other corpora, it has judged queries "
                "of its own. Load it by itself."
            )
        if source.identity in {other.identity for other in parts}:
            raise StudioError(f"Corpus {spec!r} names {part!r} twice: leave one out.")
        parts.append(source)
    return UnionSource(spec, tuple(parts), _distinct_names(parts))


def _distinct_names(parts: list[SingleSource]) -> tuple[str, ...]:
    """Short names without a slash: a number follows where a name has occurred before."""
    taken: Counter[str] = Counter()
    names: list[str] = []
    for part in parts:
        plain = part.name or "root"
        name = plain
        while name in names:
            taken[plain] += 1
            name = f"{plain}-{taken[plain] + 1}"
        names.append(name)
    return tuple(names)


def _dataset_source(spec: str, name: str) -> DatasetSource:
    path = existing_path(name)
    if path and path.is_dir():
        return DatasetSource(spec, str(path), local=True)
    if HUB_ID.fullmatch(name):
        return DatasetSource(spec, name, local=False)
    raise StudioError(
        f"Data set {name!r} is neither an existing folder nor a Hub id. "
        "Give dataset:OWNER/NAME, for example dataset:CoIR-Retrieval/cosqa, or dataset:FOLDER."
    )
