"""The model card of a finished run: README.md of its repository, for people and for machines."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from search_core.evaluation import Difference
from search_core.types import StudioError
from train.finished_run import (
    LICENSES,
    Effect,
    FinishedRun,
    is_public_corpus,
    public_corpus,
    read_finished_run,
)
from train.options import option_words

if TYPE_CHECKING:
    from huggingface_hub import EvalResult

What = Literal["merged", "adapter"]

PICTURE = "training_loss.png"
HEADLINE = "ndcg@10"
TASK = "information-retrieval"
SIGNIFICANCE = 0.05
WORDED = {"mrr@10": "MRR@10", "ndcg@10": "nDCG@10", "map": "MAP"}


def model_card(folder: Path, repo_id: str, what: What = "merged") -> str:
    """README.md for a finished run's folder, as `publish` sends it; changes nothing and asks nobody.

    Raises StudioError where the folder holds no finished run, or no adapter where one is wanted.
    """
    return render_card(read_finished_run(folder), repo_id, what)


def render_card(run: FinishedRun, repo_id: str, what: What) -> str:
    """Raises StudioError for an adapter on a base model that nobody else has."""
    if what == "adapter" and run.base_id is None:
        raise StudioError(
            f"The adapter is for {run.base_name}, a model that others cannot load from the Hub: "
            "publish the merged model."
        )
    sections = (
        _summary(run, repo_id),
        _usage(run, repo_id, what),
        _results(run),
        _guard(run),
        _data(run),
        _training(run),
        _making(run),
    )
    return f"---\n{_front_matter(run, repo_id, what)}\n---\n\n" + "\n\n".join(sections) + "\n"


def _front_matter(run: FinishedRun, repo_id: str, what: What) -> str:
    from huggingface_hub import ModelCardData

    corpus = run.config.corpus
    from_hub = corpus.startswith("dataset:") and is_public_corpus(corpus)
    results = [*_eval_results(run), *_guard_results(run)]
    return ModelCardData(
        base_model=run.base_id,
        base_model_relation="finetune" if what == "merged" else "adapter",
        datasets=[corpus.removeprefix("dataset:")] if from_hub else None,
        eval_results=results,
        language=["code"],
        library_name="sentence-transformers" if what == "merged" else "peft",
        license=LICENSES.get(run.base_id or ""),
        model_name=repo_id.partition("/")[2],
        pipeline_tag="sentence-similarity",
        tags=[
            "sentence-transformers",
            "sentence-similarity",
            "feature-extraction",
            "code-search",
            "loss:MultipleNegativesRankingLoss",
            f"dataset_size:{run.info['training_pairs']}",
            *(["lora"] if run.config.method == "lora" else []),
        ],
    ).to_yaml()


def _eval_results(run: FinishedRun) -> Iterator[EvalResult]:
    after = run.after
    conditions = {
        "protocol": after.protocol,
        "mode": after.mode,
        "derived_qrels": after.derived_qrels,
        "documents": after.documents,
        "queries": len(after.per_query),
    }
    yield from _as_eval_results(run.effect, split=after.split, conditions=conditions)


def _guard_results(run: FinishedRun) -> Iterator[EvalResult]:
    for effect in run.guard:
        yield from _as_eval_results(effect, split=None, conditions={"trained_on": False})


def _as_eval_results(
    effect: Effect, split: str | None, conditions: Mapping[str, Any]
) -> Iterator[EvalResult]:
    """The values are this model's; the base model's, and what the difference is worth, are arguments."""
    from huggingface_hub import EvalResult

    corpus = public_corpus(effect.corpus).removeprefix("dataset:")
    for name, found in effect.metrics.items():
        yield EvalResult(
            task_type=TASK,
            task_name="Code search",
            dataset_type=corpus,
            dataset_name=corpus,
            dataset_split=split,
            dataset_args=dict(conditions),
            metric_type=name,
            metric_name=_metric(name),
            metric_value=round(found.b, 6),
            metric_args={
                "base_model": round(found.a, 6),
                "difference": round(found.absolute, 6),
                "ci95": [round(end, 6) for end in found.ci95],
                "p_value": round(found.p_value, 6),
            },
        )


def _summary(run: FinishedRun, repo_id: str) -> str:
    found = run.effect.metrics[HEADLINE]
    return (
        f"# {repo_id.partition('/')[2]}\n\n"
        f"A code search model: {_code(run.base_name)}, fine-tuned to put a question in plain language close "
        f"to the code that answers it. On {_judged_on(run)}, nDCG@10 went from {found.a:.3f} to "
        f"**{found.b:.3f}** ({found.absolute:+.3f}, 95% interval {_interval(found, 3)}, "
        f"p = {found.p_value:.4f}): {_verdict(found)}."
    )


def _usage(run: FinishedRun, repo_id: str, what: What) -> str:
    load = [f'model = SentenceTransformer("{repo_id}")']
    if what == "adapter":
        load = [
            f'model = SentenceTransformer("{run.base_id}")',
            f'model.load_adapter("{repo_id}")  # needs peft',
        ]
    lines = [
        "from sentence_transformers import SentenceTransformer",
        "",
        *load,
        "code = [",
        '    "def read_lines(path):\\n    return open(path).read().splitlines()",',
        '    "def mean(values):\\n    return sum(values) / len(values)",',
        "]",
        'question = model.encode_query("average of a list")',
        "scores = model.similarity(question, model.encode_document(code))",
    ]
    return "## Use\n\n```python\n" + "\n".join(lines) + "\n```"


def _results(run: FinishedRun) -> str:
    rows = [[_metric(name), *_figures(found)] for name, found in run.effect.metrics.items()]
    derived = (
        " The relevant documents are derived from docstrings, not judged by people."
        if run.after.derived_qrels
        else ""
    )
    return (
        f"## Before and after\n\nOn {_judged_on(run)}: {len(run.after.per_query):,} queries, "
        f"{run.after.documents:,} documents, none of it trained on.{derived}\n\n"
        + _table(["metric", "before", "after", "difference", "95% interval", "p"], rows)
        + f"\n\nBy nDCG@10, {run.effect.wins:,} queries are better than before, {run.effect.losses:,} "
        f"worse and {run.effect.ties:,} equal. Intervals and p-values are of the paired difference: 10,000 "
        "bootstrap resamples, 10,000 two-sided sign flips. The p-values are not corrected for looking "
        "at several metrics; nDCG@10 is the one that counts."
    )


def _guard(run: FinishedRun) -> str:
    if not run.guard:
        return (
            "## What it may have forgotten\n\nNot measured, no other corpus was looked at before and after: "
            f"{run.no_guard}."
        )
    rows = [
        [_code(public_corpus(one.corpus)), *_figures(one.metrics[HEADLINE]), _verdict(one.metrics[HEADLINE])]
        for one in run.guard
    ]
    header = ["corpus", "nDCG@10 before", "after", "difference", "95% interval", "p", ""]
    return "## What it may have forgotten\n\nCorpora that were not trained on:\n\n" + _table(header, rows)


def _data(run: FinishedRun) -> str:
    config, pairs = run.config, run.info["training_pairs"]
    kind = (
        "the first sentence of a docstring and the function without it"
        if run.after.derived_qrels
        else "a query and code that was judged to answer it"
    )
    negatives = (
        f", and {config.hard_negatives:,} mined hard negatives for each" if config.hard_negatives else ""
    )
    return (
        f"## Training data\n\n{pairs:,} pairs from the `train` split of "
        f"{_code(public_corpus(config.corpus))}: {kind}{negatives}. The other functions of a batch are "
        "negatives, too. Pairs whose query or code occurs in an evaluation split were removed."
        f"{_marks(run)}"
    )


def _marks(run: FinishedRun) -> str:
    right, wrong = (run.counts.get(f"marked_{verdict}", 0) for verdict in ("right", "wrong"))
    if not right and not wrong:
        return ""
    return (
        f" It learnt from what people marked in searches of that corpus, too: {right:,} results as right, "
        f"{wrong:,} as wrong. Those marks are not published; without them, the command below makes another "
        "model."
    )


def _training(run: FinishedRun) -> str:
    hidden = {"corpus", "base_model", "guard", "recipe_batch_size", *_unused(run)}
    rows = [
        [name.replace("_", " "), "none" if value is None else f"{value}"]
        for name, value in asdict(run.config).items()
        if name not in hidden
    ]
    info, losses = run.info, [step["loss"] for step in run.steps if step["loss"] is not None]
    return (
        "## Training\n\n" + _table(["hyperparameter", "value"], rows) + "\n\n"
        f"{info['total_steps']:,} steps in {info['training_time_s']:,.0f} s on {_code(str(info['device']))}. "
        f"The loss is MultipleNegativesRankingLoss: {losses[0]:.3f} at the first step, {losses[-1]:.3f} at "
        "the last.\n\n"
        f"![Training loss at every step]({PICTURE})"
    )


def _making(run: FinishedRun) -> str:
    versions = ", ".join(
        f"{name} {version}" for name, version in run.after.environment.get("versions", {}).items()
    )
    return (
        f"## How it was made\n\nWith Code Search Studio:\n\n```sh\n{_command(run)}\n```\n\n"
        f"Versions: {versions}. `training_info.json`, `training_config.json`, `events.jsonl` (every step), "
        "`reports/`, `comparison.json` and `guard.json` hold all figures of this page."
        + ("" if LICENSES.get(run.base_id or "") else "\n\nThe licence of the base model applies.")
    )


def _command(run: FinishedRun) -> str:
    config = replace(run.config, corpus=public_corpus(run.config.corpus), base_model=run.base_name)
    return shlex.join(["python", "-m", "train", "run", *option_words(config)])


def _unused(run: FinishedRun) -> set[str]:
    return set() if run.config.method == "lora" else {"lora_rank"}


def _judged_on(run: FinishedRun) -> str:
    report = run.after
    return f"the `{report.split}` split of {_code(public_corpus(report.corpus))} ({report.protocol} protocol)"


def _figures(found: Difference) -> Iterable[str]:
    return (
        f"{found.a:.4f}",
        f"{found.b:.4f}",
        f"{found.absolute:+.4f}",
        _interval(found, 4),
        f"{found.p_value:.4f}",
    )


def _interval(found: Difference, digits: int) -> str:
    low, high = found.ci95
    return f"[{low:+.{digits}f}, {high:+.{digits}f}]"


def _verdict(found: Difference) -> str:
    if found.p_value >= SIGNIFICANCE:
        return "no significant difference"
    return "a significant gain" if found.absolute > 0 else "a significant loss"


def _metric(name: str) -> str:
    return WORDED.get(name, name.capitalize())


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _code(text: str) -> str:
    """Inline code that a name cannot break out of, in a table neither."""
    return "`" + "".join("'" if c in "`|" or not c.isprintable() else c for c in text) + "`"
