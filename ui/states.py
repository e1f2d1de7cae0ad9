"""What the page says when there are no hits to show: nothing asked, nothing found, not ready, failed."""

from __future__ import annotations

from markupsafe import Markup

from search_core.types import Corpus
from ui.lanes import Lane
from ui.markup import NOTHING, icon, join, visible
from ui.steps import Step

EXAMPLES = (
    "walk a directory tree",
    "parse command line arguments",
    "copy a file with its metadata",
    "retry after a failure",
)


def header(steps: tuple[Step, ...], corpus: Corpus | None) -> Markup:
    """Name, state of the corpus in view, theme switch."""
    state, words = _state(steps)
    count = f"{len(corpus.documents):,} documents" if corpus else ""
    return Markup(
        '<div class="cs-top"><h1><svg viewBox="0 0 20 20" aria-hidden="true">'
        '<path d="M7 5L2.5 10 7 15M13 5l4.5 5L13 15"/><circle cx="10" cy="10" r="1.7"/></svg>'
        "Code Search Studio</h1>"
        '<p class="cs-state"><span class="cs-live {}">{}</span><b>{}</b><span class="cs-wide">{}</span></p>'
        '<button type="button" class="cs-tool" data-do="theme" aria-label="Switch light and dark"'
        ' title="Switch light and dark">{}</button></div>'
    ).format(state, words, visible(steps[0].corpus), count, icon("theme"))


def _state(steps: tuple[Step, ...]) -> tuple[str, str]:
    """(class, words) of the dot in the header."""
    if any(step.stage == "failed" for step in steps):
        return "failed", "not everything is ready"
    step = next((step for step in steps if step.stage != "ready"), None)
    if step is None:
        return "ready", "ready"
    return "working", f"{'indexing' if step.model else 'reading'}{_percent(step)}"


def banner(steps: tuple[Step, ...], now_s: float) -> Markup:
    """What is being prepared for the corpus in view; nothing when all of it is done or has failed."""
    step = next((step for step in steps if step.stage in ("waiting", "working")), None)
    if step is None:
        return NOTHING
    corpus, model = visible(step.corpus), visible(step.model or "")
    if step.model is None:
        words = Markup("<b>Reading {}</b> Keyword search starts as soon as it is read.").format(corpus)
    elif not step.total:
        words = Markup("<b>Loading {}</b> Until it is ready its column is served by keywords.").format(model)
    else:
        words = Markup(
            "<b>Indexing {} with {}</b> {:,} of {:,} texts{}. Until then its column is served by keywords."
        ).format(corpus, model, step.done, step.total, _time_left(step.seconds_left(now_s)))
    bar = Markup(' max="{}" value="{}"').format(step.total, step.done) if step.total else NOTHING
    return Markup(
        '<div class="cs-banner" role="status"><span class="cs-spin"></span><p>{}</p>'
        '<progress{} aria-label="Progress"></progress></div>'
    ).format(words, bar)


def _percent(step: Step) -> str:
    return f" {100 * step.done // step.total}%" if step.total else ""


def _time_left(seconds: float | None) -> str:
    if seconds is None:
        return ""
    if seconds < 90:
        return f", about {max(1, round(seconds))} s left"
    return f", about {round(seconds / 60)} min left"


def empty(corpus: str, documents: int | None, a: Lane, b: Lane) -> Markup:
    """Before the first query. documents: None while the corpus is being read."""
    example = Markup('<button type="button" class="cs-example" data-do="example">{}</button>')
    return Markup(
        '<div class="cs-empty"><h2>Say what the code does</h2>'
        "<p>Two rankings of {count}<code>{corpus}</code>: "
        '<b class="a">{a}</b>, {how_a}, on the left; <b class="b">{b}</b>, {how_b}, on the right.</p>'
        '<div class="cs-examples">{examples}</div>'
        '<p class="cs-keys"><kbd>/</kbd> query <kbd>j</kbd><kbd>k</kbd> walk results '
        "<kbd>o</kbd> other column <kbd>e</kbd> unfold <kbd>c</kbd> copy</p></div>"
    ).format(
        count="" if documents is None else f"{documents:,} documents of ",
        corpus=visible(corpus),
        a=visible(a.name),
        how_a=a.method,
        b=visible(b.name),
        how_b=b.method,
        examples=join(example.format(query) for query in EXAMPLES),
    )


def no_match(query: str, *, filtered: bool) -> Markup:
    clear = Markup('<button type="button" class="cs-link" data-do="clear">Clear filters</button>')
    way_out = "Use fewer filters, or describe" if filtered else "Use other words: describe"
    return Markup(
        '<div class="cs-note"><h3>Nothing matches “{}”</h3>'
        "<p>{} the behaviour rather than the name.</p>{}</div>"
    ).format(visible(query), way_out, clear if filtered else NOTHING)


def still_reading(corpus: str) -> Markup:
    return Markup(
        '<div class="cs-note"><h3>{} is still being read</h3>'
        "<p>The results appear here by themselves.</p></div>"
    ).format(visible(corpus))


def failed(reason: str) -> Markup:
    return Markup(
        '<div class="cs-note bad" role="alert"><h3>{}This search did not finish</h3><p>{}</p>'
        '<button type="button" class="cs-link" data-do="retry">Try again</button></div>'
    ).format(icon("alert"), visible(reason))


def skeleton() -> Markup:
    """Stands where cards will be while the first search runs."""
    bars = join(Markup('<i style="width:{}%"></i>').format(width) for width in (46, 30, 92, 82, 64, 73))
    card = Markup('<div class="cs-skeleton-card">{}</div>').format(bars)
    return Markup('<div class="cs-skeleton" aria-hidden="true">{}</div>').format(card * 4)
