/* Behaviour that needs no server: keys, folding, copying, theme, which column a phone shows, the address.
   Everything is delegated from the document, because gr.HTML patches its content on every update. */
() => {
  const $ = (selector, root = document) => root.querySelector(selector);
  const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];
  const visible = (element) => element.offsetParent !== null;
  const focusedCard = () => document.activeElement.closest(".cs-card");
  let asked = ""; // the words whose results are shown
  let likeOf = ""; // or the document

  // Theme: the visitor's choice, or the system's as Gradio sets it.
  const setTheme = (dark) => document.body.classList.toggle("dark", dark);
  const keptTheme = () => { try { return localStorage.getItem("studio-theme"); } catch { return null; } };
  if (keptTheme()) setTheme(keptTheme() === "dark");
  const switchTheme = () => {
    const dark = setTheme(!document.body.classList.contains("dark"));
    try { localStorage.setItem("studio-theme", dark ? "dark" : "light"); } catch { /* storage is blocked: not kept */ }
  };

  // Cards: results carry the first lines only; the rest and the exact text are fetched when asked for.
  const fetchCode = (card) => card.closest(".block").fetchCode;
  const corpusOf = (card) => card.closest("[data-corpus]").dataset.corpus;
  const sayGone = (card) => {
    if (!$(".cs-gone", card)) card.insertAdjacentHTML("beforeend", '<p class="cs-gone" role="status">No longer there: search again.</p>');
  };
  const fold = async (button) => {
    const card = button.closest(".cs-card"), code = $(".cs-code", card);
    if (!code.dataset.whole) {
      const rest = await fetchCode(card).rest(corpusOf(card), card.dataset.id, asked);
      if (rest === null) return sayGone(card);
      if (!code.dataset.whole) code.insertAdjacentHTML("beforeend", rest); // pressed twice, it is fetched twice
      code.dataset.whole = "1";
    }
    const folded = code.classList.toggle("folded");
    button.setAttribute("aria-expanded", String(!folded));
    $("b", button).textContent = folded ? button.dataset.more : "Show less";
    if (folded) card.scrollIntoView({ block: "nearest" });
  };
  const copy = async (button) => {
    const card = button.closest(".cs-card");
    const text = await fetchCode(card).text(corpusOf(card), card.dataset.id);
    if (text === null) return sayGone(card);
    try {
      await navigator.clipboard.writeText(text);
    } catch { // no clipboard outside https and localhost
      const area = Object.assign(document.createElement("textarea"), { value: text });
      document.body.append(area);
      area.select();
      document.execCommand("copy");
      area.remove();
      button.focus();
    }
    button.classList.add("done");
    setTimeout(() => button.classList.remove("done"), 1200);
  };

  // Phones show one column: the server's choice until the visitor makes one.
  let side = null;
  const showSide = (shown) => {
    $("#columns").dataset.side = shown;
    $$(".cs-switch button").forEach((button) => button.setAttribute("aria-pressed", String(button.dataset.side === shown)));
  };

  const actions = { fold, copy, theme: switchTheme, side: (button) => showSide((side = button.dataset.side)) };
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-do]");
    if (button) actions[button.dataset.do]?.(button);
  });

  // A link to a search opens it in place; with a modifier, as any link, elsewhere.
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-open]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    $("#head").openSearch(Object.fromEntries(new URL(link.href).searchParams));
    scrollTo(0, 0);
  });

  // Hovering a card lights its twin in the other column and its line in the strip.
  document.addEventListener("mouseover", (event) => {
    const id = event.target.closest(".cs-card, .cs-bump line")?.dataset.id;
    $$("#results [data-id]").forEach((element) => element.classList.toggle("twin", element.dataset.id === id));
  });

  const step = (by) => {
    const cards = $$(".cs-card").filter(visible), here = focusedCard();
    const column = here ? cards.filter((card) => card.closest(".cs-col") === here.closest(".cs-col")) : cards;
    const next = here ? column[column.indexOf(here) + by] : cards[0];
    next?.focus({ preventScroll: true });
    next?.scrollIntoView({ block: "nearest" });
  };
  const cross = () => {
    const here = focusedCard();
    const twin = here && $$(".cs-card").find((card) => card !== here && card.dataset.id === here.dataset.id);
    if (!twin) return;
    if (!visible(twin)) showSide((side = twin.closest(".cs-col").classList.contains("a") ? "a" : "b"));
    twin.focus({ preventScroll: true });
    twin.scrollIntoView({ block: "center" });
  };
  // An answer's cards are new elements: whoever stood on one stands on it again, where it is still there.
  let stoodOn = null;
  document.addEventListener("focusin", () => {
    const card = focusedCard();
    stoodOn = card && { id: card.dataset.id, column: card.closest(".block").id };
  });
  document.addEventListener("pointerdown", () => { stoodOn = null; });
  const standAgain = () => {
    if (!stoodOn || document.activeElement !== document.body) return;
    $$(`#${stoodOn.column} .cs-card`).find((card) => card.dataset.id === stoodOn.id)?.focus({ preventScroll: true });
  };
  const press = (what) => { const card = focusedCard(); if (card) $(`[data-do=${what}]`, card)?.click(); };
  const toQuery = () => { const box = $("#query textarea, #query input"); box.focus(); box.select(); };
  const keys = {
    "/": toQuery, j: () => step(1), k: () => step(-1), o: cross, e: () => press("fold"), c: () => press("copy"),
    s: () => press("similar"), y: () => press("right"), n: () => press("wrong"),
  };
  document.addEventListener("keydown", (event) => {
    const typing = event.target.matches("input, textarea, select, [contenteditable=true]");
    if (event.key === "Escape" && typing) return event.target.blur();
    if (typing || event.ctrlKey || event.metaKey || event.altKey || !keys[event.key]) return;
    event.preventDefault();
    keys[event.key]();
  });

  // The address bar holds the tab and the search, so that a link brings both back.
  const address = (changed) => {
    const url = new URL(location.href);
    for (const [name, value] of Object.entries(changed)) {
      if (value) url.searchParams.set(name, value);
      else url.searchParams.delete(name);
    }
    history.replaceState(history.state, "", url);
  };

  // Called by listeners of the page.
  const refreshed = () => {
    if ($("#columns")) showSide(side ?? $(".cs-switch [aria-pressed=true]")?.dataset.side ?? "b");
    standAgain();
  };
  window.studio = {
    address,
    busy: () => document.body.setAttribute("data-busy", ""),
    refreshed,
    tab: (name) => address({ tab: name === "search" ? "" : name }),
    shown: () => {
      document.body.removeAttribute("data-busy");
      const link = Object.fromEntries(new URLSearchParams($("#top [data-link]").dataset.link));
      asked = link.similar ? "" : link.q;
      address(link);
      document.body.toggleAttribute("data-filtered", Boolean(link.language || link.kind || link.path));
      refreshed();
      if (link.similar !== likeOf) scrollTo({ top: 0 });
      likeOf = link.similar;
    },
    marked: () => {
      const { id, verdict } = $("#verdict [data-verdict]").dataset;
      $$(".cs-card").filter((card) => card.dataset.id === id).forEach((card) => {
        $$("[aria-pressed]", card).forEach((button) => button.setAttribute("aria-pressed", String(button.dataset.do === verdict)));
      });
    },
  };
}
