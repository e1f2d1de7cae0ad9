"""Fine-tuning on sentence-transformers' trainer: the same steps, faster on a processor, told as events."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from sentence_transformers import (
    SentenceTransformer,
    SentenceTransformerTrainer,
    SentenceTransformerTrainingArguments,
)
from torch import Tensor, nn
from torch.utils.data import DataLoader
from transformers import (
    EarlyStoppingCallback,
    PrinterCallback,
    TrainerCallback,
    TrainerControl,
    TrainerState,
    set_seed,
)
from transformers.trainer_utils import get_last_checkpoint

from search_core.encoder import model_folder
from search_core.encoder.config import read_config
from search_core.encoder.load import choose_backend
from search_core.encoder.modules import load_modules
from search_core.encoder.torch_runtime import working_dtype
from search_core.settings import Settings
from search_core.types import StudioError
from train.adapter import add_lora
from train.batches import EvenBatchSampler
from train.collator import TokenCollator, pair_table
from train.config import TrainingConfig
from train.events import CheckpointEvent, EvaluationEvent, Event, StepEvent
from train.loss import ranking_loss
from train.pairs import Pair

KEPT_CHECKPOINTS = 2
"""The last one, to resume from, and the best."""

Log = Callable[[Event], None]
ShouldStop = Callable[[], bool]


@dataclass(frozen=True)
class Outcome:
    """What training did.

    total_steps: those of earlier processes of the run, too. best_step: whose weights the model has now.
    stopped: ended by request, before its time.
    """

    total_steps: int
    best_step: int
    stopped: bool


def load_trainable(spec: str, settings: Settings) -> SentenceTransformer:
    """A base model in float32, where and how it trains fastest, with the prompts that search uses.

    Raises StudioError for a model that cannot be loaded.
    """
    config = read_config(spec, model_folder(spec, settings))
    device = choose_backend(settings).device
    if device == "cpu":
        torch.set_num_threads(settings.thread_count)
    # Eager attention has the faster backward pass on a processor (docs/decisions/training.md).
    model = load_modules(config, device, torch.float32, "eager" if device == "cpu" else "sdpa")
    model.prompts = {**model.prompts, "query": config.query_prompt, "document": config.document_prompt}
    return model


def fine_tune(
    model: SentenceTransformer,
    pairs: Sequence[Pair],
    development: Sequence[Pair],
    config: TrainingConfig,
    checkpoints: Path,
    log: Log,
    should_stop: ShouldStop = lambda: False,
    resume: bool = False,
) -> Outcome:
    """Train the model in place; it ends with the weights that did best on the development pairs.

    A batch never holds a text twice. So a function is a negative of a query that it answers only where
    it answers another one, too, and that query has another answer: hardly ever (docs/decisions/training.md).
    log gets every step, evaluation and checkpoint (paths relative to the parent of `checkpoints`).
    resume: go on from the last checkpoint, if there is one. Under torchrun the processes share each
    batch of `config.batch_size`, so that the steps are those of one process, but for an epoch's
    incomplete batch, which they leave out; the first one logs.

    Raises StudioError where the batch is larger than the data, and where the loss is no longer finite.
    """
    check_batch(len(pairs), config)
    set_seed(config.seed)
    if config.method == "lora":
        add_lora(model, config.lora_rank)
    arguments = _arguments(config, checkpoints, model.device, evaluated=bool(development))
    reporter = _Reporter(config, checkpoints.parent, log, should_stop)
    trainer = _StepTrainer(
        model=model,
        args=arguments,
        train_dataset=pair_table(pairs),
        eval_dataset=pair_table(development) if development else None,
        loss=ranking_loss(model, config.scale, config.mini_batch_size, gather=arguments.world_size > 1),
        data_collator=TokenCollator(model, [*pairs, *development], config.max_length),
        callbacks=[reporter, *([EarlyStoppingCallback(config.patience)] if development else [])],
    )
    trainer.remove_callback(PrinterCallback)
    reporter.trainer = trainer
    last = get_last_checkpoint(str(checkpoints)) if resume and checkpoints.is_dir() else None
    trainer.train(resume_from_checkpoint=last)
    model.eval()
    best = trainer.state.best_model_checkpoint if development else None
    return Outcome(
        total_steps=trainer.state.global_step,
        best_step=_step_of(best) if best else trainer.state.global_step,
        stopped=reporter.stopped,
    )


def check_batch(pairs: int, config: TrainingConfig) -> None:
    """Raises StudioError where a batch is larger than what there is to train on."""
    if pairs < config.batch_size:
        raise StudioError(
            f"A batch of {config.batch_size:,} is larger than the {pairs:,} pairs to train on: "
            f"choose --batch-size {pairs:,} or less."
        )


def _arguments(
    config: TrainingConfig, checkpoints: Path, device: torch.device, evaluated: bool
) -> SentenceTransformerTrainingArguments:
    every = config.evaluation_steps if config.evaluation_steps < 1 else int(config.evaluation_steps)
    arguments = SentenceTransformerTrainingArguments(
        output_dir=str(checkpoints),
        num_train_epochs=config.epochs,
        per_device_train_batch_size=config.batch_size,
        per_device_eval_batch_size=config.batch_size,
        accelerator_config={"split_batches": True},  # a batch is all processes', whatever the names say
        batch_sampler=EvenBatchSampler,
        learning_rate=config.learning_rate,
        lr_scheduler_type="linear",
        warmup_steps=config.warmup_steps,
        weight_decay=config.weight_decay,
        bf16=working_dtype([str(device)]) is torch.bfloat16,
        activation_checkpointing=config.gradient_checkpointing,
        seed=config.seed,
        eval_strategy="steps" if evaluated else "no",
        eval_steps=every,
        save_strategy="steps",
        save_steps=every,
        save_total_limit=KEPT_CHECKPOINTS,
        load_best_model_at_end=evaluated,
        metric_for_best_model="eval_loss" if evaluated else None,
        logging_steps=1,
        logging_nan_inf_filter=False,
        report_to="none",
        disable_tqdm=True,
        use_cpu=device.type == "cpu",
        dataloader_pin_memory=device.type == "cuda",
        ddp_broadcast_buffers=False,
    )
    # With more GPUs in sight than processes, the trainer would wrap the model in DataParallel unasked.
    arguments._n_gpu = min(arguments.n_gpu, 1)
    return arguments


def _step_of(checkpoint: str) -> int:
    return int(checkpoint.rpartition("-")[2])


class _StepTrainer(SentenceTransformerTrainer):  # type: ignore[misc]
    """Counts the pairs of each step. rows: of the last one, in this process."""

    rows = 0

    def add_model_card_callback(self, default_args_dict: dict[str, Any]) -> None:
        """None: our card is written from the run's own records, and theirs costs time."""

    def get_eval_dataloader(self, *given: Any) -> DataLoader[Any]:
        """Every development pair, though several processes leave out an incomplete batch in training."""
        drop_last, self.args.dataloader_drop_last = self.args.dataloader_drop_last, False
        try:
            return super().get_eval_dataloader(*given)
        finally:
            self.args.dataloader_drop_last = drop_last

    def training_step(self, model: nn.Module, inputs: Mapping[str, Tensor], *rest: Any) -> Tensor:
        self.rows = len(next(iter(inputs.values())))
        return super().training_step(model, inputs, *rest)


class _Reporter(TrainerCallback):  # type: ignore[misc]
    """The trainer's callbacks → our events; asks after each step whether to stop.

    stopped: whether training ended because it was asked to.
    """

    def __init__(self, config: TrainingConfig, run_folder: Path, log: Log, should_stop: ShouldStop) -> None:
        self.stopped = False
        self.trainer: _StepTrainer | None = None
        self._config = config
        self._run_folder = run_folder
        self._log = log
        self._should_stop = should_stop
        self._step_started = 0.0

    def on_step_begin(self, *_: Any, **__: Any) -> None:
        self._step_started = time.perf_counter()

    def on_step_end(self, args: Any, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        if _any_process(self._should_stop(), args.device):
            self.stopped = True
            control.should_save = control.should_training_stop = True

    def on_log(
        self, args: Any, state: TrainerState, control: TrainerControl, logs: Mapping[str, float], **_: Any
    ) -> None:
        if "loss" not in logs or self.trainer is None:
            return
        loss = logs["loss"]
        seconds = time.perf_counter() - self._step_started
        if state.is_world_process_zero:
            self._log(
                StepEvent(
                    step=state.global_step,
                    epoch=state.epoch or 0.0,
                    loss=loss,
                    learning_rate=logs["learning_rate"],
                    pairs_per_s=self.trainer.rows * args.world_size / seconds,
                )
            )
        if not math.isfinite(loss):
            raise StudioError(
                f"The loss is no longer a number at step {state.global_step:,}: the learning rate "
                f"{self._config.learning_rate:g} is too high, or the base model is damaged. "
                "Start again with a lower --learning-rate."
            )

    def on_evaluate(
        self, args: Any, state: TrainerState, control: TrainerControl, metrics: Mapping[str, float], **_: Any
    ) -> None:
        if state.is_world_process_zero:
            self._log(
                EvaluationEvent(
                    phase="during",
                    corpus=self._config.corpus,
                    split="development",
                    metrics={"loss": metrics["eval_loss"]},
                    step=state.global_step,
                )
            )

    def on_save(self, args: Any, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        if state.is_world_process_zero:
            folder = Path(args.output_dir, f"checkpoint-{state.global_step}")
            self._log(
                CheckpointEvent(step=state.global_step, path=folder.relative_to(self._run_folder).as_posix())
            )


def _any_process(wish: bool, device: torch.device) -> bool:
    """Whether any process of this run has the wish: they must all stop at the same step."""
    if not torch.distributed.is_initialized():
        return wish
    votes = torch.tensor(int(wish), device=device)
    torch.distributed.all_reduce(votes)
    return bool(votes.item())
