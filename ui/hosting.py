"""What kind of machine this is, and what the page says about it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path

import psutil
from markupsafe import Markup

from search_core.settings import VARIABLES, Settings
from ui.markup import NOTHING, icon, join, visible

PAGE_BYTES = 1_500_000_000
"""Of memory, below which one model is offered: a page with two and a small corpus takes 0.6 GB, converting
a model half as much again."""
TRAINING_BYTES = 4_000_000_000
"""Of memory that must be free for a training run: one of `minilm` with its defaults takes 3.6 GB."""
LOCALHOST = "127.0.0.1"
ARCHIVE = VARIABLES["archive"][0]

_CGROUP = Path("/sys/fs/cgroup")
_QUANTITY = re.compile(r"(\d+(?:\.\d+)?)([KMG]i?)?B?")
_UNITS = {"K": 10**3, "M": 10**6, "G": 10**9, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30}


@dataclass(frozen=True, slots=True)
class Hosting:
    """The machine at the start.

    space: OWNER/NAME of the Hugging Face Space that it is, whose disk is lost when it sleeps; else empty.
    host: the address to listen on where none was asked for. free_bytes: of memory.
    archived: whether a bucket outlives the disk. problem: why nothing is kept there, as a sentence.
    """

    space: str = ""
    host: str = LOCALHOST
    zero_gpu: bool = False
    free_bytes: int = TRAINING_BYTES
    archived: bool = False
    problem: str = ""

    @classmethod
    def of(cls, environment: Mapping[str, str], free_bytes: int) -> Hosting:
        space = environment.get("SPACE_ID", "")
        everywhere = "0.0.0.0"  # noqa: S104 (a Space is reached through its platform alone)
        return cls(
            space=space,
            host=environment.get("GRADIO_SERVER_NAME") or (everywhere if space else LOCALHOST),
            zero_gpu=environment.get("SPACES_ZERO_GPU", "").lower() in ("1", "t", "true"),
            free_bytes=free_bytes,
            archived=bool(environment.get(ARCHIVE, "").strip()),
        )

    def models(self, usual: Sequence[str]) -> tuple[str, ...]:
        """Those to offer where none were asked for."""
        return tuple(usual[: 1 if self.free_bytes < PAGE_BYTES else None])

    @property
    def embedders(self) -> tuple[str, ...]:
        """Origins that show the page in a frame: those of Spaces, where it is one."""
        return ("https://huggingface.co", "https://*.hf.space") if self.space else ()

    @property
    def no_training(self) -> str:
        """Why no run can be started here, as a sentence; empty where one can."""
        if self.zero_gpu:
            return "A ZeroGPU Space lends its GPU for a minute at a time: train on a machine of your own."
        if self.free_bytes < TRAINING_BYTES:
            return (
                f"Training needs {_gigabytes(TRAINING_BYTES)} of free memory and this machine has "
                f"{_gigabytes(self.free_bytes)}: train on a larger one."
            )
        return ""

    @property
    def notices(self) -> tuple[str, ...]:
        """Sentences about what is different here; none on a machine like most."""
        forgetting = (
            "This Space forgets what is added here when it sleeps or restarts: mount a storage bucket "
            f"and set {ARCHIVE} to its folder."
        )
        little_memory = (
            f"Little memory is free here ({_gigabytes(self.free_bytes)}), so one model is offered unless you "
            "ask for more."
        )
        return tuple(
            sentence
            for sentence, holds in (
                (forgetting, bool(self.space) and not self.archived),
                (little_memory, self.free_bytes < PAGE_BYTES),
                (self.problem, bool(self.problem)),
            )
            if holds
        )


def free_memory(environment: Mapping[str, str], cgroup: Path = _CGROUP) -> int:
    """Bytes that can still be taken before the system ends a process.

    The least of what the machine has available, what the container's limit leaves (control groups,
    version 2), and what the Space promises in MEMORY.
    """
    known = [int(psutil.virtual_memory().available)]
    try:
        limit = (cgroup / "memory.max").read_text().strip()
        used = int((cgroup / "memory.current").read_text())
        inactive = re.search(r"^inactive_file (\d+)$", (cgroup / "memory.stat").read_text(), re.MULTILINE)
        if limit != "max":  # what was read from files counts as used, and is given back when wanted
            known.append(int(limit) - used + (int(inactive[1]) if inactive else 0))
    except (OSError, ValueError):
        pass  # no such limit here
    if promised := _QUANTITY.fullmatch(environment.get("MEMORY", "")):
        known.append(int(float(promised[1]) * _UNITS.get(promised[2], 1)))
    return max(0, min(known))


def notices(sentences: Sequence[str]) -> Markup:
    """A quiet box with them; nothing where there are none."""
    if not sentences:
        return NOTHING
    lines = join(Markup("<p>{}</p>").format(visible(sentence)) for sentence in sentences)
    return Markup('<div class="cs-notices" role="note">{}<div>{}</div></div>').format(icon("alert"), lines)


def _gigabytes(count: int) -> str:
    """
    >>> _gigabytes(1_340_000_000)
    '1.3 GB'
    """
    return f"{count / 1e9:.1f} GB"


def prepare_zero_gpu(settings: Settings) -> Settings:
    """Load the platform's package, which must come before torch, and compute on the processor.

    The GPU that it seems to have can be used only inside calls that borrow one.
    """
    with suppress(ImportError):  # the platform installs it
        import_module("spaces")
    return replace(settings, device="cpu") if settings.device == "auto" else settings
