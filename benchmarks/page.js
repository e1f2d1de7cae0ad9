// Times of one search on the page: Enter, when the new cards are in the document, when they are painted.
(() => {
  const times = (window.searchTimes = {});
  addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    performance.clearResourceTimings();
    Object.assign(times, { enter: event.timeStamp, asked: 0, patched: 0, painted: 0 });
  }, true);
  const afterPaint = (then) => requestAnimationFrame(() => {
    const channel = new MessageChannel();
    channel.port1.onmessage = then;
    channel.port2.postMessage(null);
  });
  const changed = (records) => {
    const now = performance.now();
    const busy = document.body.hasAttribute("data-busy");
    if (busy) times.asked ||= now;
    if (!times.asked || times.painted) return;
    if (records.some(({ target }) => (target.closest ? target : target.parentElement)?.closest(".cs-col"))) times.patched = now;
    if (busy) return;
    times.patched ||= now; // an empty box: nothing to patch
    afterPaint(() => (times.painted ||= performance.now()));
  };
  // The answer comes with one request, or with two: one joins the queue, one reads its events.
  window.searchTimesWithRequests = () => {
    const requests = performance.getEntriesByType("resource").filter(({ name }) => /\/(run\/predict|queue\/(join|data))/.test(name));
    return {
      ...times,
      requested: Math.min(...requests.map(({ startTime }) => startTime)),
      answered: Math.max(...requests.map(({ responseEnd }) => responseEnd)),
    };
  };
  addEventListener("DOMContentLoaded", () => new MutationObserver(changed).observe(document.body, {
    subtree: true, childList: true, characterData: true, attributes: true, attributeFilter: ["data-busy"],
  }));
})();
