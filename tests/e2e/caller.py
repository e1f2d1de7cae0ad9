"""Calls what the page can call, each function of it, without the page."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpx


@dataclass(frozen=True)
class Function:
    """One that the page's server runs. name: tab, function and, where it has several, the action asked of it.

    data: of its inputs, as the page opens. event: what the page's script would send with them.
    """

    id: int
    api_name: str
    name: str
    data: tuple[Any, ...]
    event: Mapping[str, Any]


@dataclass(frozen=True)
class Answer:
    """error: None where the function did what it was asked. text: all that came back."""

    error: str | None
    text: str


class Caller:
    """headers: who calls."""

    def __init__(self, url: str, headers: Mapping[str, str] | None = None) -> None:
        self.http = httpx.Client(base_url=url, headers=headers, timeout=60)
        self.config = self.http.get("config").json()
        self._components = {component["id"]: component for component in self.config["components"]}
        self._tabs = dict(_tabs(self.config["layout"], self._components, ""))

    def functions(self) -> Iterator[Function]:
        for dependency in self.config["dependencies"]:
            if dependency["backend_fn"]:
                yield from self._calls(dependency)

    def server_functions(self) -> Iterator[tuple[int, str]]:
        """(component, name) of those that scripts call directly."""
        for id, component in self._components.items():
            for name in component["props"].get("server_fns") or ():
                yield id, name

    def queue(self, function: Function, data: Sequence[Any] | None = None) -> Answer:
        """As the page calls it. data: in the place of the function's own."""
        session = uuid.uuid4().hex
        asked = {"data": data or function.data, "event_data": function.event, "fn_index": function.id}
        self.http.post("gradio_api/queue/join", json={**asked, "session_hash": session}).raise_for_status()
        with self.http.stream("GET", "gradio_api/queue/data", params={"session_hash": session}) as lines:
            for message in _messages(lines):
                if message["msg"] == "process_completed":
                    error = None if message["success"] else str(message["output"]["error"])
                    return Answer(error, json.dumps(message["output"]))
        raise AssertionError("the queue ended without an answer")

    def call(self, function: Function) -> Answer:
        """As a program calls a named endpoint, whether it is public or not."""
        route = f"gradio_api/call/{function.api_name}"
        event_id = self.http.post(route, json={"data": function.data}).raise_for_status().json()["event_id"]
        text = self.http.get(f"{route}/{event_id}").text
        return Answer(None if "event: complete" in text else text, text)

    def run(self, function: Function) -> Answer:
        """Past the queue."""
        asked = {"data": function.data, "event_data": function.event, "session_hash": uuid.uuid4().hex}
        answer = self.http.post(f"gradio_api/run/{function.api_name}", json=asked)
        return Answer(None if answer.is_success else answer.text, answer.text)

    def server_function(self, component: int, name: str, data: Any) -> httpx.Response:
        asked = {"component_id": component, "fn_name": name, "data": data, "session_hash": uuid.uuid4().hex}
        headers = {"Connection": "close"}  # the server closes it where the function fails
        return self.http.post("gradio_api/component_server", json=asked, headers=headers)

    def _calls(self, dependency: Mapping[str, Any]) -> Iterator[Function]:
        places = [id for id, _ in dependency["targets"] if id] + dependency["inputs"] + dependency["outputs"]
        tab = next((self._tabs[id] for id in places if self._tabs.get(id)), "page")
        name = f"{tab}: {re.sub(r'_[0-9]+$', '', dependency['api_name'])}"
        data = tuple(self._components[id]["props"].get("value") for id in dependency["inputs"])
        actions = {
            action for id, event in dependency["targets"] if event == "act" for action in self._actions(id)
        }
        for action in sorted(actions) or [""]:
            event = {"do": action, "id": "x", "query": "", "on": False}
            yield Function(dependency["id"], dependency["api_name"], f"{name} {action}".strip(), data, event)

    def _actions(self, component: int) -> list[str]:
        """Those that `pieces.relay` passes on."""
        found = re.search(r"!(\[.*?\])\.includes", self._components[component]["props"]["js_on_load"] or "")
        return list(json.loads(found[1].replace("'", '"'))) if found else []


def _tabs(node: Mapping[str, Any], components: Mapping[int, Any], tab: str) -> Iterator[tuple[int, str]]:
    """Component to the label of the tab that it stands in."""
    component = components.get(node["id"])
    if component and component["type"] == "tabitem":
        tab = component["props"]["label"]
    yield node["id"], tab
    for child in node.get("children") or ():
        yield from _tabs(child, components, tab)


def _messages(answer: httpx.Response) -> Iterator[dict[str, Any]]:
    for line in answer.iter_lines():
        if line.startswith("data:"):
            yield json.loads(line.removeprefix("data:"))
