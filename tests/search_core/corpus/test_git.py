"""Git repositories: one revision from a real server, and nothing that a hostile one may want."""

from __future__ import annotations

import logging
import os
import re
import shutil
import socket
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from search_core.corpus import load_corpus
from search_core.settings import Settings
from search_core.types import Corpus, StudioError
from tests.git_server import GitServer, commit, git, make_certificate, make_repository, serving

ONE = "def one():\n    return 1\n"
TWO = "def two():\n    return 2\n"


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "served" / "acme" / "tools"
    make_repository(folder)
    commit(folder, {"pkg/one.py": ONE})
    return folder


@pytest.fixture
def server(repository: Path) -> Iterator[GitServer]:
    with serving(repository.parents[1]) as running:
        yield running


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(workspace=tmp_path / "workspace", allow_private_hosts=True, git_timeout_s=20)


def functions(corpus: Corpus) -> list[str]:
    return [document.id for document in corpus.documents if document.kind == "function"]


def test_a_repository_is_its_default_branch_with_links_to_the_commit(
    server: GitServer, repository: Path, settings: Settings
) -> None:
    head = git(repository, "rev-parse", "HEAD")
    corpus = load_corpus(server.url("acme/tools"), settings)
    assert functions(corpus) == ["pkg/one.py::one"]
    assert corpus.commit == head
    assert corpus.by_id["pkg/one.py::one"].url == f"{server.url('acme/tools')}/blob/{head}/pkg/one.py#L1-L2"


def test_a_revision_is_a_branch_a_tag_or_a_full_hash(
    server: GitServer, repository: Path, settings: Settings
) -> None:
    first = git(repository, "rev-parse", "HEAD")
    git(repository, "tag", "-a", "v1", "-m", "annotated")
    git(repository, "checkout", "-q", "-b", "feature/two")
    second = commit(repository, {"pkg/two.py": TWO})
    git(repository, "checkout", "-q", "main")
    both = ["pkg/one.py::one", "pkg/two.py::two"]
    found = {
        revision: load_corpus(f"{server.url('acme/tools')}@{revision}", settings)
        for revision in ("main", "v1", "feature/two", first, second)
    }
    assert {revision: corpus.commit for revision, corpus in found.items()} == {
        "main": first,
        "v1": first,
        "feature/two": second,
        first: first,
        second: second,
    }
    assert functions(found[second]) == functions(found["feature/two"]) == both
    assert functions(found["v1"]) == ["pkg/one.py::one"]


@pytest.mark.parametrize("revision", ["no-such-branch", "c0ffee", "0" * 40])
def test_an_unknown_revision_is_named(revision: str, server: GitServer, settings: Settings) -> None:
    with pytest.raises(StudioError, match=rf"the repository has no (branch or tag|commit) '?{revision}"):
        load_corpus(f"{server.url('acme/tools')}@{revision}", settings)


def test_a_repository_without_commits_says_so(
    server: GitServer, repository: Path, settings: Settings
) -> None:
    make_repository(repository.with_name("empty"))
    with pytest.raises(StudioError, match="no commit yet"):
        load_corpus(server.url("acme/empty"), settings)


def test_a_new_commit_is_fetched_and_an_old_one_is_not_fetched_again(
    server: GitServer, repository: Path, settings: Settings
) -> None:
    load_corpus(server.url("acme/tools"), settings)
    server.requests.clear()
    load_corpus(server.url("acme/tools"), settings)
    assert len(server.requests) == 2  # the list of its branches; nothing is fetched
    changed = commit(repository, {"pkg/two.py": TWO})
    corpus = load_corpus(server.url("acme/tools"), settings)
    assert functions(corpus) == ["pkg/one.py::one", "pkg/two.py::two"]
    assert corpus.commit == changed


def test_a_full_hash_needs_no_network_the_second_time(
    server: GitServer, repository: Path, settings: Settings
) -> None:
    spec = f"{server.url('acme/tools')}@{git(repository, 'rev-parse', 'HEAD')}"
    before = load_corpus(spec, settings)
    server.requests.clear()
    assert load_corpus(spec, settings) == before
    assert server.requests == []


def test_without_network_what_was_loaded_before_serves_and_the_log_says_so(
    server: GitServer, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    before = load_corpus(server.url("acme/tools"), settings)
    server.answers["/"] = (503, {})
    with caplog.at_level(logging.WARNING):
        assert load_corpus(server.url("acme/tools"), settings) == before
    assert f"Using what was loaded before, commit {before.commit}" in caplog.text


def test_without_network_the_first_load_says_what_failed(server: GitServer, settings: Settings) -> None:
    server.answers["/"] = (503, {})
    with pytest.raises(StudioError, match=r"cannot be fetched: .*503"):
        load_corpus(server.url("acme/tools"), settings)


@pytest.mark.parametrize(
    ("status", "headers"), [(401, {"WWW-Authenticate": 'Basic realm="private"'}), (403, {}), (404, {})]
)
def test_a_password_is_never_asked_for(
    status: int, headers: dict[str, str], server: GitServer, settings: Settings
) -> None:
    server.answers["/acme"] = (status, headers)
    with pytest.raises(
        StudioError, match=r"no public repository, or it asks for a password.*give the folder"
    ):
        load_corpus(server.url("acme/tools"), settings)


def test_a_redirect_to_another_repository_is_followed(server: GitServer, settings: Settings) -> None:
    service = "/info/refs?service=git-upload-pack"
    server.answers["/old/name/info"] = (301, {"Location": "/acme/tools" + service})
    corpus = load_corpus(server.url("old/name"), settings)
    assert functions(corpus) == ["pkg/one.py::one"]


@pytest.mark.parametrize(
    ("location", "refused"),
    [
        ("http://127.0.0.1:1/x/y", "refused: give its https address"),
        ("https://127.0.0.1/x/y", "no public address"),
        ("https://[::1]/x/y", "no public address"),
        ("https://user:secret@example.org/x/y", "a user or a password"),
        ("file:///etc/passwd", "Only repositories at https addresses"),
    ],
)
def test_a_redirect_is_checked_like_an_address(
    location: str, refused: str, server: GitServer, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.answers["/acme/tools/info"] = (
        302,
        {"Location": location + "/info/refs?service=git-upload-pack"},
    )
    only_first_is_private(monkeypatch, server)
    with pytest.raises(StudioError, match=refused) as caught:
        load_corpus(server.url("acme/tools"), settings)
    assert "secret" not in str(caught.value)


def only_first_is_private(monkeypatch: pytest.MonkeyPatch, server: GitServer) -> None:
    """The setting holds for the test's own server alone, as if that were a public one."""
    from search_core.corpus import git as module

    check = module.checked_addresses
    monkeypatch.setattr(
        module, "checked_addresses", lambda source, _: check(source, source.port == server.port)
    )


def test_a_redirect_to_a_page_or_in_a_circle_ends(server: GitServer, settings: Settings) -> None:
    server.answers["/acme/tools/info"] = (302, {"Location": "/users/sign_in"})
    with pytest.raises(StudioError, match="redirects to a page that is no repository"):
        load_corpus(server.url("acme/tools"), settings)
    server.answers["/acme/tools/info"] = (302, {"Location": "/acme/tools/info/refs?service=git-upload-pack"})
    with pytest.raises(StudioError, match="redirects more than 3 times"):
        load_corpus(server.url("acme/tools"), settings)


def test_what_is_fetched_is_not_redirected(server: GitServer, settings: Settings) -> None:
    server.answers["/acme/tools/git-upload-pack"] = (307, {"Location": "/other/place"})
    with pytest.raises(StudioError):
        load_corpus(server.url("acme/tools"), settings)
    assert "/other/place" not in server.requests


def test_a_server_that_hangs_is_given_up_and_no_process_is_left(
    server: GitServer, settings: Settings
) -> None:
    server.hangs = True
    started = time.monotonic()
    with pytest.raises(StudioError, match=r"did not arrive within 1 s"):
        load_corpus(server.url("acme/tools"), replace(settings, git_timeout_s=1.0))
    assert time.monotonic() - started < 15  # half of what the server hangs
    assert gits_of_this_process() == []


def gits_of_this_process() -> list[str]:
    children = psutil.Process().children(recursive=True)
    names = [child.name() for child in children if child.status() != psutil.STATUS_ZOMBIE]
    return [name for name in names if "git" in name]


def test_whoever_stops_the_progress_stops_git(server: GitServer, settings: Settings) -> None:
    class Cancelled(Exception):
        pass

    def cancel(done: int, total: int) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        load_corpus(server.url("acme/tools"), settings, cancel)
    assert gits_of_this_process() == []
    [place] = (settings.workspace / "sources").iterdir()
    assert [path.name for path in place.iterdir() if path.name.startswith(".writing-")] == []


def test_a_repository_larger_than_the_limit_is_given_up(
    server: GitServer, repository: Path, settings: Settings
) -> None:
    noise = {f"pkg/n{number}.py": f'x = "{os.urandom(400_000).hex()}"\n' for number in range(4)}
    commit(repository, noise)
    with pytest.raises(StudioError, match="larger than 1 MB: raise CODESEARCH_MAX_SOURCE_MB"):
        load_corpus(server.url("acme/tools"), replace(settings, max_source_mb=1))


def test_files_that_are_too_large_are_not_even_fetched(
    server: GitServer, repository: Path, settings: Settings
) -> None:
    commit(repository, {"huge.py": f'x = "{os.urandom(1_500_000).hex()}"\n'})
    corpus = load_corpus(server.url("acme/tools"), replace(settings, max_source_mb=1))
    assert [(file.path, file.reason) for file in corpus.skipped] == [("huge.py", "larger than 2 MB")]


def test_links_submodules_and_pointers_are_counted_and_never_followed(
    server: GitServer, repository: Path, settings: Settings, tmp_path: Path
) -> None:
    (repository / "link.py").symlink_to(tmp_path / "secret.py")
    (tmp_path / "secret.py").write_text("def secret(): pass\n")
    (repository / "vendored-module").mkdir()
    git(repository, "update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},vendored-module")
    commit(
        repository,
        {
            ".gitmodules": f'[submodule "m"]\n\tpath = vendored-module\n\turl = {server.url("acme/tools")}\n',
            ".gitattributes": "*.py filter=lfs diff=lfs merge=lfs\n",
            "pkg/pointer.py": "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n",
        },
    )
    corpus = load_corpus(server.url("acme/tools"), settings)
    assert functions(corpus) == ["pkg/one.py::one"]
    assert {file.path: file.reason for file in corpus.skipped} == {
        "link.py": "symbolic link, not followed",
        "pkg/pointer.py": "Git LFS pointer, the file itself is elsewhere",
        "vendored-module": "submodule, not fetched",
    }


def test_the_environment_of_git_has_no_configuration_of_the_user(
    server: GitServer, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / ".gitconfig").write_text(f'[url "{server.url("nowhere")}"]\n\tinsteadOf = http\n')
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "http.proxy")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", "http://127.0.0.1:1")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("GIT_DIR", str(tmp_path))
    assert functions(load_corpus(server.url("acme/tools"), settings)) == ["pkg/one.py::one"]


@pytest.fixture
def invented_host(monkeypatch: pytest.MonkeyPatch) -> str:
    """A host that exists for our own check alone: git would not find it by itself."""
    resolve = socket.getaddrinfo

    def fake(host: str, *args: Any, **options: Any) -> Any:
        return resolve("127.0.0.1" if host == "git.test" else host, *args, **options)

    monkeypatch.setattr(socket, "getaddrinfo", fake)
    return "git.test"


def test_git_connects_to_the_address_that_was_checked(
    server: GitServer, settings: Settings, invented_host: str
) -> None:
    corpus = load_corpus(server.url("acme/tools", host=invented_host), settings)
    assert functions(corpus) == ["pkg/one.py::one"]


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificates")
@pytest.mark.parametrize("trusted", [True, False])
def test_over_https_the_certificate_must_be_the_hosts(
    repository: Path,
    settings: Settings,
    invented_host: str,
    trusted: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    certificate = tmp_path / "key.pem"
    make_certificate(certificate, invented_host if trusted else "another.test")
    monkeypatch.setenv("GIT_SSL_CAINFO", str(certificate.with_suffix(".cert")))
    with serving(repository.parents[1], certificate) as server:
        spec = f"https://{invented_host}:{server.port}/acme/tools"
        if trusted:
            assert functions(load_corpus(spec, settings)) == ["pkg/one.py::one"]
        else:
            with pytest.raises(StudioError, match=r"cannot be fetched: .*certificate"):
                load_corpus(spec, settings)
            assert server.requests == []


def test_nothing_is_asked_of_a_private_address(server: GitServer, settings: Settings) -> None:
    for address in (server.url("acme/tools"), "https://localhost/acme/tools"):
        with pytest.raises(StudioError, match="refused"):
            load_corpus(address, replace(settings, allow_private_hosts=False))
    assert server.requests == []


def test_a_machine_without_git_says_so(
    server: GitServer, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    from search_core.corpus import git as module

    module._require_git.cache_clear()
    monkeypatch.setenv("PATH", "")
    with pytest.raises(StudioError, match="need git, which cannot be started here"):
        load_corpus(server.url("acme/tools"), settings)


def test_progress_counts_files(server: GitServer, settings: Settings) -> None:
    seen: list[tuple[int, int]] = []
    load_corpus(server.url("acme/tools"), settings, lambda done, total: seen.append((done, total)))
    assert seen[-1] == (1, 1)


def test_what_git_or_the_server_say_is_shown_on_one_printable_line(
    server: GitServer, settings: Settings
) -> None:
    server.answers["/"] = (500, {})
    with pytest.raises(StudioError) as caught:
        load_corpus(server.url("acme/tools"), settings)
    assert re.fullmatch(r"[ -~“”’]+", str(caught.value))
