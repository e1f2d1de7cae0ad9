"""From a model spec to an encoder that is ready."""

from __future__ import annotations

import logging
import platform
import shutil
import threading
from typing import NamedTuple
from weakref import WeakValueDictionary

from search_core.encoder.config import ModelConfig, read_config
from search_core.encoder.conversion import ConversionError
from search_core.encoder.models import model_folder
from search_core.encoder.openvino_runtime import openvino_runtime
from search_core.encoder.protocol import Encoder, Runtime
from search_core.encoder.torch_runtime import TorchRuntime
from search_core.encoder.transformer import TransformerEncoder
from search_core.settings import Backend, Settings
from search_core.types import StudioError

logger = logging.getLogger(__name__)

_loading = threading.Lock()
_in_use: WeakValueDictionary[tuple[str, str, Settings], TransformerEncoder] = WeakValueDictionary()
"""Many corpora are searched with one model: by spec, fingerprint and settings."""


class Choice(NamedTuple):
    """Where to compute, and why."""

    backend: Backend
    device: str
    reason: str


def load_encoder(spec: str, settings: Settings) -> Encoder:
    """Load a model by its spec: minilm, a local folder or a Hub id; the same one again while it is in use.

    Raises StudioError for a model that is unknown, unreachable, unsafe or cannot run as the
    settings demand, and for a workspace that cannot be written.
    """
    config = read_config(spec, model_folder(spec, settings))
    with _loading:
        encoder = _in_use.get((spec, config.fingerprint, settings))
        if encoder is None:
            choice = choose_backend(settings)
            runtime = _start(spec, config, choice, settings)
            logger.info("model %s on %s: %s", spec, runtime.description, choice.reason)
            encoder = TransformerEncoder(spec, config, runtime)
            _in_use[spec, config.fingerprint, settings] = encoder
    return encoder


def choose_backend(settings: Settings) -> Choice:
    """What the settings ask for, else the fastest that this machine has.

    Imports torch only where there may be an accelerator. Raises StudioError for a backend
    or device that is not here.
    """
    if settings.backend == "openvino":
        if settings.device not in ("auto", "cpu"):
            raise StudioError(
                f"The openvino backend runs on the processor, not on {settings.device}: leave the device out."
            )
        return Choice("openvino", "cpu", "the settings ask for it")
    if settings.device != "auto":
        device = _checked(settings.device)
        backend: Backend = "openvino" if device == "cpu" and settings.backend == "auto" else "torch"
        return Choice(backend, device, f"the settings ask for {device}")
    if accelerator := _accelerator():
        return Choice("torch", accelerator, "this machine has one")
    if settings.backend == "torch":
        return Choice("torch", "cpu", "the settings ask for torch, and there is no accelerator")
    return Choice("openvino", "cpu", "there is no accelerator, and openvino is the fastest on a processor")


def _start(spec: str, config: ModelConfig, choice: Choice, settings: Settings) -> Runtime:
    if choice.backend == "torch":
        return TorchRuntime(config, choice.device, settings)
    try:
        return openvino_runtime(config, settings)
    except ConversionError as error:
        if settings.backend == "openvino":
            raise StudioError(
                f"Model {spec!r} cannot run on openvino: {error}. Use torch instead."
            ) from error
        logger.warning("model %s runs on torch, not openvino: %s", spec, error)
        return TorchRuntime(config, "cpu", settings)


def _accelerator() -> str | None:
    """The torch device of this machine's accelerator, if it has one that works."""
    if shutil.which("nvidia-smi") is None and (platform.system(), platform.machine()) != ("Darwin", "arm64"):
        return None  # without the import of torch, which takes seconds
    return next((device for device in ("cuda", "mps") if _available(device)), None)


def _checked(device: str) -> str:
    try:
        available = _available(device)
    except RuntimeError:
        raise StudioError(f"{device!r} is no device: use auto, cpu, cuda, cuda:N or mps.") from None
    if not available:
        raise StudioError(
            f"There is no device {device!r} on this machine: leave it out to use what there is."
        )
    return device


def _available(device: str) -> bool:
    """Raises RuntimeError for a string that torch does not know as a device."""
    if device == "cpu":
        return True
    import torch

    wanted = torch.device(device)
    if wanted.type == "cuda":
        return bool((wanted.index or 0) < torch.cuda.device_count())
    return bool(wanted.type == "mps" and torch.backends.mps.is_available())
