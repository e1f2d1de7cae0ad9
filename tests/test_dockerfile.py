"""The image: read as far as it can be without Docker, and its steps run in a bare folder as another user."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.dockerfile import Instruction, build_context, expanded, read_dockerfile

ROOT = Path(__file__).parents[1]
HOME = "/home/studio"
STRANGER = 10_001
"""A user who owns nothing on this machine."""
SYSTEM_PYTHON = Path("/usr/bin/python3")
"""One that every user may run; ours may be in somebody's home."""


@pytest.fixture(scope="module")
def steps() -> list[Instruction]:
    return read_dockerfile(ROOT / "Dockerfile")


def of(steps: list[Instruction], name: str) -> list[Instruction]:
    return [step for step in steps if step.name == name]


def test_what_is_copied_is_there(steps: list[Instruction]) -> None:
    sources = [source for step in of(steps, "COPY") for source in step.words[:-1]]
    assert sources == ["requirements.txt", "requirements-gpu.txt", "."]
    assert all((ROOT / source).exists() for source in sources)


def test_everything_after_the_system_packages_is_done_by_a_user_with_the_number_that_spaces_have(
    steps: list[Instruction],
) -> None:
    assert "useradd --create-home --uid 1000 studio" in of(steps, "RUN")[0].text
    assert [step.name for step in steps if step.user == "root"] == ["FROM", "RUN"]
    assert all("--chown=studio" in step.text for step in of(steps, "COPY"))


def test_requirements_come_before_the_source_so_that_an_edit_installs_nothing(
    steps: list[Instruction],
) -> None:
    order = [step.text.split()[-2:] for step in steps if step.name == "COPY" or "pip" in step.text]
    assert order[0] == ["requirements-gpu.txt", "./"] and order[-1] == [".", "."]


def test_the_health_of_the_port_that_is_served_is_watched(steps: list[Instruction]) -> None:
    (watched,), (served,), (told,) = of(steps, "HEALTHCHECK"), of(steps, "CMD"), of(steps, "EXPOSE")
    assert "http://127.0.0.1:7860/healthz" in watched.text
    assert json.loads(served.text) == ["python", "app.py", "--host", "0.0.0.0", "--port", "7860"]  # noqa: S104
    assert told.text == "7860"


def test_no_secret_is_baked_in(steps: list[Instruction]) -> None:
    assert not [step for step in of(steps, "ENV") + of(steps, "ARG") if "TOKEN" in step.text]


def test_the_image_holds_what_it_runs_and_no_more() -> None:
    tops = {path.partition("/")[0] for path in build_context(ROOT)}
    assert {"app.py", "search_core", "train", "ui", "assets"} <= tops
    assert not {"tests", "benchmarks", "docs", "scripts", ".git", ".ci"} & tops
    assert "assets/studio-adapter/adapter_model.safetensors" in build_context(ROOT)


class Image:
    """A folder in place of the image's disk: what is /home/studio in the Dockerfile is in it."""

    def __init__(self, folder: Path) -> None:
        self.home = folder
        python = folder / "bin" / "python"
        python.parent.mkdir(parents=True)
        python.symlink_to(SYSTEM_PYTHON)
        self.place = folder / "app"
        self.place.mkdir()
        for path in (folder, python.parent, self.place):
            os.chown(path, STRANGER, STRANGER)
        kept = {
            name: value for name, value in os.environ.items() if name.startswith(("PIP_", "SSL_", "LANG"))
        }
        self.variables = kept | {"HOME": str(folder), "PATH": f"{python.parent}:{os.defpath}:/usr/local/bin"}

    def here(self, text: str) -> str:
        return text.replace(HOME, str(self.home))

    def carry_out(self, step: Instruction) -> None:
        if step.name == "ENV":
            for word in step.words:
                name, _, value = word.partition("=")
                self.variables[name] = expanded(self.here(value), self.variables)
        elif step.name == "ARG":
            name, _, value = step.text.partition("=")
            self.variables.setdefault(name, value)
        elif step.name == "COPY":
            for path in build_context(ROOT) if "." in step.words[:-1] else step.words[:-1]:
                self._copy(path)
        elif step.name == "RUN":
            subprocess.run(["sh", "-c", self.here(step.text)], check=True, **self._as_stranger())

    def start(self, *command: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(command, **self._as_stranger())

    def _copy(self, path: str) -> None:
        target = self.place / path
        for parent in reversed(target.relative_to(self.place).parents):
            (self.place / parent).mkdir(exist_ok=True)
            os.chown(self.place / parent, STRANGER, STRANGER)
        shutil.copy(ROOT / path, target)
        os.chown(target, STRANGER, STRANGER)

    def _as_stranger(self) -> dict[str, object]:
        return {
            "cwd": self.place,
            "env": self.variables,
            "user": STRANGER,
            "group": STRANGER,
            "extra_groups": [],
        }


@pytest.fixture
def bare_folder() -> Iterator[Path]:
    """Not pytest's, which other users may not enter."""
    folder = Path("/tmp") / f"studio-image-{os.getpid()}"  # noqa: S108 (made anew, and removed)
    folder.mkdir()
    yield folder
    shutil.rmtree(folder)


@pytest.mark.full
@pytest.mark.timeout(1800)
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as another user")
@pytest.mark.skipif(not SYSTEM_PYTHON.exists(), reason="there is no Python that every user may run")
def test_its_steps_make_an_app_that_another_user_can_run(steps: list[Instruction], bare_folder: Path) -> None:
    """All but the system's packages. It installs everything anew: minutes."""
    image = Image(bare_folder)
    if torch_index := os.environ.get("TORCH_INDEX"):  # where PyTorch's own cannot be reached
        image.variables["TORCH_INDEX"] = torch_index
    for step in steps:
        if step.user != "root":
            image.carry_out(step)
    corpus = image.place / "tiny"
    corpus.mkdir()
    (corpus / "area.py").write_text("def area(radius):\n    return 3.14 * radius**2\n")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    (command,), (watch,) = of(steps, "CMD"), of(steps, "HEALTHCHECK")
    app = image.start(*json.loads(command.text.replace("7860", port)), "--corpus", str(corpus))
    try:
        check = image.here(watch.text.partition("CMD ")[2]).replace("7860", port)
        deadline = time.monotonic() + 120
        stored = image.home / "workspace" / "corpora"  # it may write where it is told to
        while image.start("sh", "-c", f"{check} 2>/dev/null").wait() != 0 or not stored.is_dir():
            assert app.poll() is None and time.monotonic() < deadline
            time.sleep(1)
        app.send_signal(signal.SIGTERM)
        assert app.wait(timeout=60) == 0  # models may be loading
    finally:
        app.kill()
        app.wait()
