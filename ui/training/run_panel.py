"""One run as the Train tab shows it: how it stands, what may be done with it, what it reached."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal
from urllib.parse import urlencode

from markupsafe import Markup

from search_core.evaluation import Difference
from train.events import session
from train.finished_run import Effect, FinishedRun
from train.model_card import SIGNIFICANCE, WORDED
from train.run import Status
from ui.markup import NOTHING, icon, join, visible
from ui.metrics.figures import panel, scrolled
from ui.training.loss_curve import WINDOW, development_curve, loss_curve
from ui.training.runs import RunView
from ui.words import corpus_name, duration, model_name

Standing = Literal[Status, "damaged"]
"""How a run stands, as it is shown."""
CHIPS: Mapping[Standing, str] = {
    "queued": "warn",
    "running": "live",
    "finished": "good",
    "cancelled": "",
    "failed": "bad",
    "damaged": "bad",
}
HEADLINE = "ndcg@10"

_BUTTON = Markup('<button type="button" class="cs-button{}" data-do="{}"{}>{}</button>')


def run_panel(run: RunView, *, is_owner: bool, is_offered: bool, asks_to_delete: bool = False) -> Markup:
    """is_offered: whether its model can be searched with. asks_to_delete: the deletion is to be confirmed."""
    total = run.total_steps or 0
    buttons = _actions(run, is_offered) if is_owner else _links(run, is_offered)
    return Markup('<div class="cs-stack" data-id="{}">{}{}{}{}{}</div>').format(
        run.id,
        _status(run, is_owner, _confirmation(run) if asks_to_delete else _buttons(buttons)),
        _results(run.finished) if run.finished else NOTHING,
        loss_curve(run.steps, total),
        development_curve(run.development, total),
        _log(run) if is_owner else NOTHING,  # it names folders of this machine
    )


def no_runs(*, is_owner: bool) -> Markup:
    words = (
        "Start one with the form: its loss, speed and log appear here."
        if is_owner
        else "The owner starts them."
    )
    return Markup(
        '<div class="cs-empty"><h2>No run yet</h2>'
        "<p>A run learns from pairs of a query and a function that answers it. {}</p></div>"
    ).format(words)


def damaged_run(id: str, reason: str, *, is_owner: bool) -> Markup:
    """A run of which nothing else can be said."""
    return Markup(
        '<div class="cs-stack" data-id="{}"><section class="cs-panel cs-run">'
        '<div class="cs-runhead"><h2>{}</h2>{}</div>{}</section></div>'
    ).format(id, id, status_chip("damaged"), _failure(_damage(reason, is_owner)))


def search_link(run: RunView) -> dict[str, str]:
    """The search that compares a run's base with what it made."""
    return {"corpus": run.config.corpus, "a": run.config.base_model, "b": run.folder, "mode": "dense"}


def status_chip(status: Standing) -> Markup:
    return Markup('<span class="cs-chip {}">{}</span>').format(CHIPS[status], status)


def change(found: Difference) -> Markup:
    """A difference with its sign; coloured only where it is more than chance."""
    style = "quiet" if found.p_value >= SIGNIFICANCE else "up" if found.absolute > 0 else "down"
    return Markup('<span class="{}">{:+.4f}</span>').format(style, found.absolute)


def verdict(found: Difference) -> str:
    if found.p_value >= SIGNIFICANCE:
        return "no significant difference"
    return "significantly better" if found.absolute > 0 else "significantly worse"


# How it stands ---------------------------------------------------------------------------------


def _status(run: RunView, is_owner: bool, actions: Markup) -> Markup:
    config = run.config
    return Markup(
        '<section class="cs-panel cs-run"><div class="cs-runhead"><h2>{}</h2>{}<p>{} · {} · {}</p></div>'
        "{}{}{}{}</section>"
    ).format(
        run.id,
        status_chip(run.state.status),
        corpus_name(config.corpus),
        visible(model_name(config.base_model)),
        _recipe(run),
        _progress(run),
        _facts(run),
        _said(run, is_owner),
        actions,
    )


def _recipe(run: RunView) -> str:
    config = run.config
    return (
        f"{config.method}, {config.epochs} epoch{'s' * (config.epochs > 1)}, "
        f"batches of {config.batch_size:,}, learning rate {config.learning_rate:g}"
        + (f", {config.hard_negatives} hard negatives" if config.hard_negatives else "")
        + (", with marks" if config.judgments else "")
    )


def _progress(run: RunView) -> Markup:
    if run.state.status != "running":
        return NOTHING
    at = NOTHING  # unknown before the first step and after the last
    if run.progress and not run.is_measuring:
        at = Markup(' max="{}" value="{:.3f}"').format(run.config.epochs, run.progress.epoch)
    return Markup('<progress class="cs-bar"{} aria-label="Progress of the training"></progress>').format(at)


def _facts(run: RunView) -> Markup:
    steps = run.steps
    if not steps or run.finished:
        return NOTHING
    last, losses = steps[-1], [step["loss"] for step in steps[-WINDOW:] if step["loss"] is not None]
    left = run.progress.time_left_s if run.progress and run.state.status == "running" else None
    facts = {
        "Step": f"{last['step']:,} of {run.total_steps:,}",
        "Epoch": f"{last['epoch']:.2f} of {run.config.epochs}",
        "Loss": f"{sum(losses) / len(losses):.3f}" if losses else "not a number",
        "Learning rate": f"{last['learning_rate']:.2e}",
        "Pairs a second": f"{last['pairs_per_s']:.1f}",
    } | ({"Time left": duration(left)} if left is not None and not run.is_measuring else {})
    return _definitions(facts.items())


def _definitions(facts: Iterable[tuple[str, str]]) -> Markup:
    fact = Markup("<div><dt>{}</dt><dd>{}</dd></div>")
    return Markup('<dl class="cs-facts">{}</dl>').format(join(fact.format(*one) for one in facts))


def _said(run: RunView, is_owner: bool) -> Markup:
    """What the figures do not say: what it waits for, what it does, or why it failed and what to do."""
    if run.is_stopping:
        return _line("Stopping: it finishes its step and writes a checkpoint.")
    match run.state.status:
        case "queued" if run.waits_for:
            return _line(f"Waits for its turn: {run.waits_for} before it on this machine.")
        case "queued":
            return _line("Starting.")
        case "running" if run.progress is None:
            return _line(_preparing(run))
        case "running" if run.is_measuring:
            return _line("Trained; now measuring what changed.")
        case "cancelled":
            return _line("Stopped on request. Resume goes on from the last checkpoint.")
        case "failed":
            return _failure(run.state.message if is_owner else "It failed; its owner sees why.")
    return _failure(_damage(run.damage, is_owner)) if run.damage else NOTHING


def _damage(reason: str, is_owner: bool) -> str:
    """The reason names folders of this machine, as the end of a log may."""
    return f"Its files are damaged: {reason}" if is_owner else "Its files are damaged; its owner sees how."


def _failure(text: str) -> Markup:
    return Markup('<div class="cs-failure" role="alert">{}<p>{}</p></div>').format(
        icon("alert"), visible(text)
    )


def _preparing(run: RunView) -> str:
    if run.pairs is None:
        return "Reading the corpus and its pairs."
    measured = any(event.get("phase") == "before" for event in session(run.state.events))
    return "Loading the model." if measured else "Measuring the base model, to compare with."


def _line(text: str) -> Markup:
    return Markup('<p class="cs-said" role="status">{}</p>').format(visible(text))


# What may be done ------------------------------------------------------------------------------


def _actions(run: RunView, is_offered: bool) -> Markup:
    buttons = []
    if run.state.is_alive:
        waits = Markup(" disabled") if run.is_stopping else NOTHING
        buttons.append(_BUTTON.format("", "stop", waits, "Stopping…" if run.is_stopping else "Stop"))
    if run.can_resume:
        buttons.append(_BUTTON.format(" primary", "resume", NOTHING, "Resume"))
    if run.finished and not is_offered:
        buttons.append(_BUTTON.format(" primary", "compare", NOTHING, "Compare in search"))
    buttons.append(_links(run, is_offered))
    if not run.state.is_alive:
        buttons.append(_BUTTON.format("", "delete", NOTHING, "Delete…"))
    return join(buttons)


def _buttons(buttons: Markup) -> Markup:
    return Markup('<div class="cs-actions">{}</div>').format(buttons)


def _links(run: RunView, is_offered: bool) -> Markup:
    """Where its results are looked at further; open to everybody."""
    if not run.finished:
        return NOTHING
    search = Markup('<a class="cs-button primary" data-open href="?{}">Compare in search</a>')
    metrics = Markup('<a class="cs-button" href="?{}">Open in Metrics</a>')
    reports = urlencode({"tab": "metrics", "reports": f"{run.id}-before,{run.id}-after"})
    return (search.format(urlencode(search_link(run))) if is_offered else NOTHING) + metrics.format(reports)


def _confirmation(run: RunView) -> Markup:
    what = "its model, its figures" if run.finished else "its checkpoints, its figures"
    return Markup(
        '<div class="cs-confirm" role="alertdialog" aria-label="Delete this run"><p><b>Delete run {}?</b>'
        " {} and its log are lost for good. What was published stays on the Hub.</p>"
        "{}</div>"
    ).format(
        run.id,
        what.capitalize(),
        _buttons(
            _BUTTON.format(" danger", "confirm", NOTHING, "Delete it")
            + _BUTTON.format("", "keep", NOTHING, "Keep it")
        ),
    )


# What it reached -------------------------------------------------------------------------------


def _results(run: FinishedRun) -> Markup:
    """Before and after, then each corpus that was not trained on."""
    found = run.effect.metrics[HEADLINE]
    body = Markup(
        '<p class="cs-verdict">nDCG@10 went from {:.3f} to <b>{:.3f}</b>: {}.'
        " {:,} queries are better, {:,} worse, {:,} equal.</p>{}{}"
    ).format(
        found.a,
        found.b,
        verdict(found),
        run.effect.wins,
        run.effect.losses,
        run.effect.ties,
        _table(
            "metric",
            ((WORDED.get(name, name.capitalize()), found, "") for name, found in run.effect.metrics.items()),
        ),
        _guard(run.guard, run.no_guard),
    )
    return panel("Before and after", visible(run.before.judged_on), body)


def _guard(effects: Sequence[Effect], reason: str) -> Markup:
    if not effects:
        words = visible(reason.replace("--no-guard", "the box in the form"))
        return Markup('<h3>Elsewhere</h3><p class="cs-hint">Nothing was measured elsewhere: {}.</p>').format(
            words
        )
    rows = (
        (corpus_name(one.corpus), one.metrics[HEADLINE], verdict(one.metrics[HEADLINE])) for one in effects
    )
    return Markup(
        '<h3>Elsewhere</h3><p class="cs-hint">nDCG@10 on code that was not trained on: has it forgotten'
        " anything?</p>{}"
    ).format(_table("corpus", rows))


def _table(first: str, rows: Iterable[tuple[str, Difference, str]]) -> Markup:
    """A row is named, compared, and perhaps judged in words."""
    row = Markup(
        "<tr><th scope=row>{}</th><td>{:.4f}</td><td>{:.4f}</td><td>{}</td><td>{:+.4f} to {:+.4f}</td>"
        "<td>{:.4f}{}</td></tr>"
    )
    body = join(
        row.format(name, found.a, found.b, change(found), *found.ci95, found.p_value, words and f", {words}")
        for name, found, words in rows
    )
    titles = (first, "before", "after", "change", "95% interval", "p")
    table = Markup('<table class="cs-table"><thead><tr>{}</tr></thead><tbody>{}</tbody></table>').format(
        join(Markup("<th scope=col>{}</th>").format(title) for title in titles), body
    )
    return scrolled(f"Before and after, by {first}", table)


def _log(run: RunView) -> Markup:
    nothing = "Nothing so far." if run.state.is_alive else "Nothing was written."
    lines = "\n".join(visible(line[:400]) for line in run.log) or nothing
    text = Markup('<pre class="cs-log{}" tabindex="0" role="group" aria-label="The end of the log">{}</pre>')
    return panel("Log", "the end of log.txt", text.format(" live" if run.state.is_alive else "", lines))
