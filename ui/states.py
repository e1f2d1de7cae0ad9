"""What the page says when there are no hits to show: nothing asked, nothing found, not ready, failed."""

from __future__ import annotations

from markupsafe import Markup

from search_core.judgments import Verdict
from search_core.types import Corpus
from ui.lanes import Lane
from ui.markup import NOTHING, icon, join, visible
from ui.offering.steps import Step
from ui.words import percent

EXAMPLES = (
    "walk a directory tree",
    "parse command line arguments",
    "copy a file with its metadata",
    "retry after a failure",
)
"""For a corpus that has no queries of its own."""
KEYS = (
    ("/", "query"),
    ("jk", "walk results"),
    ("o", "other column"),
    ("e", "unfold"),
    ("c", "copy"),
    ("s", "similar code"),
)
JUDGING_KEYS = (("yn", "right, wrong"),)
"""As page.js has them."""


def header(spec: str, steps: tuple[Step, ...], corpus: Corpus | None, judged: int) -> Markup:
    """Name, state of the corpus in view, theme switch. judged: marks that its results were given."""
    state, words = _state(steps)
    counts = [
        f"{len(corpus.documents):,} documents" if corpus else "",
        f"{judged:,} judged" if judged else "",
    ]
    return Markup(
        '<div class="cs-top"><h1><svg viewBox="0 0 20 20" aria-hidden="true">'
        '<path d="M7 5L2.5 10 7 15M13 5l4.5 5L13 15"/><circle cx="10" cy="10" r="1.7"/></svg>'
        "Code Search Studio</h1>"
        '<p class="cs-state"><span class="cs-live {}">{}</span><b>{}</b>{}</p>'
        '<button type="button" class="cs-tool" data-do="theme" aria-label="Switch light and dark"'
        ' title="Switch light and dark">{}</button></div>'
    ).format(
        state,
        words,
        visible(spec),
        join(Markup('<span class="cs-wide">{}</span>').format(count) for count in counts if count),
        icon("theme"),
    )


def _state(steps: tuple[Step, ...]) -> tuple[str, str]:
    """(class, words) of the dot in the header."""
    if any(step.stage == "failed" for step in steps):
        return "failed", "not everything is ready"
    step = next((step for step in steps if step.stage != "ready"), None)
    if step is None:
        return "ready", "ready"
    return "working", f"{'indexing' if step.model else 'reading'}{percent(step.done, step.total)}"


def banner(steps: tuple[Step, ...], now_s: float) -> Markup:
    """What is being prepared; nothing when all of it is done or has failed.

    steps: those that the columns in view depend on.
    """
    step = next((step for step in steps if step.stage in ("waiting", "working")), None)
    if step is None:
        return NOTHING
    corpus, model = visible(step.corpus), visible(step.model or "")
    if step.model is None and step.again:
        words = Markup("<b>Reading {} again</b> Until then it is searched as it was.").format(corpus)
    elif step.model is None:
        words = Markup("<b>Reading {}</b> Keyword search starts as soon as it is read.").format(corpus)
    elif not step.total:
        words = Markup("<b>Loading {}</b> Until it is ready its column is served by keywords.").format(model)
    else:
        words = Markup(
            "<b>Indexing {} with {}</b> {:,} of {:,} texts{}. Until then its column is served by keywords."
        ).format(corpus, model, step.done, step.total, time_left(step.seconds_left(now_s)))
    bar = Markup(' max="{}" value="{}"').format(step.total, step.done) if step.total else NOTHING
    return Markup(
        '<div class="cs-banner" role="status"><span class="cs-spin"></span><p>{}</p>'
        '<progress{} aria-label="Progress"></progress></div>'
    ).format(words, bar)


def time_left(seconds: float | None) -> str:
    """
    >>> time_left(12.4), time_left(150), time_left(None)
    (', about 12 s left', ', about 2 min left', '')
    """
    if seconds is None:
        return ""
    if seconds < 90:
        return f", about {max(1, round(seconds))} s left"
    return f", about {round(seconds / 60)} min left"


def empty(spec: str, corpus: Corpus | None, a: Lane, b: Lane, judging: bool) -> Markup:
    """Before the first query. corpus: None while it is being read. judging: whether hits can be marked."""
    example = Markup('<button type="button" class="cs-example" data-do="example">{}</button>')
    queries = (corpus.queries if corpus else ()) or EXAMPLES
    return Markup(
        '<div class="cs-empty"><h2>Say what the code does</h2>'
        "<p>Two rankings of {count}<code>{spec}</code> stand beside each other:</p>"
        '<p class="cs-lanes"><span><b class="a">{a}</b> {how_a}</span> '
        '<span><b class="b">{b}</b> {how_b}</span></p>'
        '<div class="cs-examples">{examples}</div><p class="cs-keys">{keys}</p></div>'
    ).format(
        count=f"{len(corpus.documents):,} documents of " if corpus else "",
        spec=visible(spec),
        a=visible(a.name),
        how_a=a.method,
        b=visible(b.name),
        how_b=b.method,
        examples=join(example.format(visible(query)) for query in queries),
        keys=join(map(_key, KEYS + JUDGING_KEYS if judging else KEYS)),
    )


def _key(key: tuple[str, str]) -> Markup:
    letters = join(Markup("<kbd>{}</kbd>").format(letter) for letter in key[0])
    return Markup("<span>{} {}</span>").format(letters, key[1])


def no_match(query: str, *, filtered: bool) -> Markup:
    """query: empty where a document was searched with."""
    clear = Markup('<button type="button" class="cs-link" data-do="clear">Clear filters</button>')
    what = Markup("Nothing matches “{}”").format(visible(query)) if query else "Nothing else is like it"
    if query:
        way_out = "Use fewer filters, or describe" if filtered else "Use other words: describe"
        way_out += " the behaviour rather than the name."
    else:
        way_out = "Use fewer filters." if filtered else "Nothing else in this corpus comes near."
    return Markup('<div class="cs-note"><h3>{}</h3><p>{}</p>{}</div>').format(
        what, way_out, clear if filtered else NOTHING
    )


def like_nothing(query: str) -> Markup:
    """Above the columns where the document that was the query is gone. query: where the way back leads."""
    return Markup('<div class="cs-like"><p>Code like something that is gone</p>{}</div>').format(
        way_back(query)
    )


def way_back(query: str) -> Markup:
    """From code like a document to the words that were searched with before."""
    return Markup('<button type="button" class="cs-back" data-do="back">{}{}</button>').format(
        icon("back"), Markup("Back to “{}”").format(visible(query)) if query.strip() else "Back to the start"
    )


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


def stored_verdict(id: str, verdict: Verdict) -> Markup:
    """Tells page.js which mark was stored."""
    return Markup('<span hidden data-id="{}" data-verdict="{}"></span>').format(id, verdict)
