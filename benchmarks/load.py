"""64 people who search at once, by the protocols that browsers and programs use.

    python -m benchmarks.load [--workspace DIR]

Each asks again as soon as the answer is there, over CoSQA's 6,267 functions, 10 + 10 results: once with
the listener that the query box has on the page, once with the public endpoint /compare_search. The
reference is one person alone with the same protocol. The figure to watch besides errors: the 95th
percentile, 3 s on two cores. The people are coroutines of one process; how much of a core they take is
printed, too.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import numpy as np

from benchmarks.development_data import cosqa
from benchmarks.served import MODELS, questions, read_config, serving
from search_core.settings import Settings

PEOPLE = 64
SEARCHES = 5
"""Of each person."""
ALONE = 20
"""Searches of the one person who is alone."""
TIMEOUT_S = 60.0


@dataclass(frozen=True)
class Way:
    """A listener to search with. data: its inputs for a query. answer: stands in each good answer."""

    name: str
    id: int
    queued: bool
    data: Callable[[str], list[Any]]
    answer: str


@dataclass(frozen=True)
class Outcome:
    """Searches of some people. latencies_s: a list for each person. used_s: processor time of all people."""

    latencies_s: list[list[float]]
    errors: list[str]
    elapsed_s: float
    used_s: float

    @property
    def all_s(self) -> list[float]:
        return [latency for latencies in self.latencies_s for latency in latencies]

    @property
    def per_s(self) -> float:
        return len(self.all_s) / self.elapsed_s


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure the page with 64 people at once.")
    parser.add_argument("--workspace", type=Path, metavar="DIR", help="keeps vectors from run to run")
    given: Path | None = parser.parse_args().workspace
    spec = cosqa()
    with nullcontext(given) if given else tempfile.TemporaryDirectory() as folder:
        settings = Settings.from_environment(workspace=Path(folder))
        queries = questions(spec, settings)
        with serving(spec, settings) as url:
            print(f"{PEOPLE} people, {SEARCHES} searches each without a pause, {settings.thread_count} cores")
            for way in ways(read_config(url), spec):
                alone = asyncio.run(searches(url, way, queries, people=1, each=ALONE))
                print_outcome(way, alone, asyncio.run(searches(url, way, queries, PEOPLE, SEARCHES)))


def ways(config: dict[str, Any], spec: str) -> list[Way]:
    """The query box's listener, and the endpoint for programs."""
    props = {component["id"]: component["props"] for component in config["components"]}
    box = next(id for id in props if props[id].get("elem_id") == "query")
    typed = next(one for one in config["dependencies"] if [box, "submit"] in one["targets"])
    called = next(one for one in config["dependencies"] if one["api_name"] == "compare_search")

    def on_the_page(query: str) -> list[Any]:
        return [query if id == box else props[id].get("value") for id in typed["inputs"]]

    def by_name(query: str) -> list[Any]:
        return [query, spec, *MODELS, "dense", 10, "dense"]

    return [
        Way("the page", typed["id"], typed["queue"] is not False, on_the_page, "cs-card"),
        Way("/compare_search", called["id"], called["queue"] is not False, by_name, '"hits"'),
    ]


async def searches(url: str, way: Way, queries: Sequence[str], people: int, each: int) -> Outcome:
    errors: list[str] = []
    limits = httpx2.Limits(max_connections=None)
    async with httpx2.AsyncClient(
        base_url=f"{url}gradio_api/", timeout=TIMEOUT_S, limits=limits, verify=False
    ) as client:

        async def person(number: int) -> list[float]:
            own = [queries[(number * each + turn) % len(queries)] for turn in range(each)]
            await _timed(client, way, own[0], f"p{number}", errors)  # the page is open: a session is there
            ready.release()
            await go.wait()
            return [await _timed(client, way, query, f"p{number}", errors) for query in own]

        ready, go = asyncio.Semaphore(0), asyncio.Event()
        persons = [asyncio.create_task(person(number)) for number in range(people)]
        for _ in persons:
            await ready.acquire()
        go.set()
        started, used = time.perf_counter(), time.process_time()
        latencies = await asyncio.gather(*persons)
        return Outcome(latencies, errors, time.perf_counter() - started, time.process_time() - used)


async def _timed(client: httpx2.AsyncClient, way: Way, query: str, session: str, errors: list[str]) -> float:
    started = time.perf_counter()
    try:
        answer = await (_queued if way.queued else _direct)(client, way, query, session)
    except httpx2.HTTPError as error:
        errors.append(repr(error))
    else:
        if way.answer not in answer:
            errors.append(answer[:200])
    return time.perf_counter() - started


async def _direct(client: httpx2.AsyncClient, way: Way, query: str, session: str) -> str:
    """Of a listener that does not queue: one request."""
    answer = await client.post("run/predict", json=_body(way, query, session))
    return answer.raise_for_status().text


async def _queued(client: httpx2.AsyncClient, way: Way, query: str, session: str) -> str:
    """Join the queue, then read the session's events up to the answer."""
    joined = await client.post("queue/join", json=_body(way, query, session))
    joined.raise_for_status()
    answer = "the stream ended without an answer"
    async with client.stream("GET", "queue/data", params={"session_hash": session}) as events:
        async for line in events.aiter_lines():  # to its end: who hangs up early is taken for gone
            if '"process_completed"' in line:
                answer = line
    return answer


def _body(way: Way, query: str, session: str) -> dict[str, Any]:
    return {
        "data": way.data(query),
        "fn_index": way.id,
        "session_hash": session,
        "event_data": None,
        "trigger_id": None,
    }


def print_outcome(way: Way, alone: Outcome, together: Outcome) -> None:
    latencies, errors = together.all_s, [*alone.errors, *together.errors]
    persons = [statistics.median(own) for own in together.latencies_s]
    print(
        f"{way.name} ({'queued' if way.queued else 'direct'}), {len(errors)} errors {''.join(errors[:1])}\n"
        f"  alone     {alone.per_s:5.1f}/s, median {1_000 * statistics.median(alone.all_s):.0f} ms\n"
        f"  together  {together.per_s:5.1f}/s, {together.per_s / alone.per_s:.2f} × alone; "
        f"median {statistics.median(latencies):.2f} s, 95th percentile {np.percentile(latencies, 95):.2f} s, "
        f"longest {max(latencies):.2f} s\n"
        f"  the slowest person waited {max(persons) / min(persons):.1f} × as long as the fastest; "
        f"all of them took {together.used_s / together.elapsed_s:.0%} of a core",
        flush=True,
    )


if __name__ == "__main__":
    main()
