"""Arranges a recording by surface and request, with stable names for all that varies."""

from __future__ import annotations

import hashlib
import json
import math
import re
from bisect import bisect_right
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from tests.differential.decoding import decode
from tests.differential.normalising import Names
from tests.differential.requests import (
    OTHER_TRACE,
    SENT_LATE,
    SPAN,
    TRACE,
    Manner,
    all_requests,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from tests.differential.recording import Recording

Surfaces = dict[str, Any]
"""By surface and then by request: plain values that JSON can hold."""

OUTSIDE = "outside of requests"
# What servers log of a request, whether it leads to the request's trace or not.
BY_SERVERS = "logged by servers"
_SERVERS = ("uvicorn.error", "gunicorn.error")

# Attributes whose numbers are times or depend on them.
_TIMES = re.compile(r"time|duration|longest|wait|delay")
# What cost most is listed first, and only some of it.
_BY_COST = re.compile(r"statements")
_ORDERED_BY_COST = re.compile(r"databases")
_CLIENT_WAIT = re.compile(r"client\.wait")
_BODY_SIZE = re.compile(r"body\.size")
# Metrics whose values depend on the machine or on when they were collected.
_VARYING = re.compile(r"^(process|cpython|system|otel)[._]|eventloop|exported|queue|pending|thread")
_TRACE_RESPONSE = re.compile(rb"traceresponse: 00-([0-9a-f]{32})-", re.IGNORECASE)
_SHORT_PAGE = 2000
_DEBUG_PAGE = "seeing this error because you have <code>DEBUG = True</code>"


# A client that leaves at once does not wait for the server to begin: the next request may be sent
# before. The path, which is unique, identifies such a request.
_LEFT = {
    each.label.rpartition("localhost")[2]: each.label
    for each in all_requests()
    if each.manner is Manner.LEAVES
}


def _path(span: dict[str, Any]) -> str:
    return str(span.get("attributes", {}).get("url.path"))


class Arranger:
    """Arranges one recording."""

    def __init__(self, recording: Recording) -> None:
        self._recording = recording
        self._starts = [sent.start_ns for sent in recording.sent]
        self._labels = [sent.label for sent in recording.sent]
        self._lengths: dict[str, int] = {}
        self._exports = [(*decode(path, data), path) for path, _, data in recording.exports]
        self._spans = list(self._all_spans())
        self._names = Names(
            recording.version,
            str(recording.folder),
            recording.ports,
            kept=_SENT_IDS,
        )
        self._label_of_trace = self._traces()
        for trace_id, label in self._label_of_trace.items():
            self._names.ids[trace_id] = f"<trace of {label}>"
        for span in self._spans:
            label = self._label_of_trace[span["trace_id"]]
            self._names.ids.setdefault(span["span_id"], f"<span {span['name']} of {label}>")

    def surfaces(self) -> Surfaces:
        """Give all surfaces of the recording."""
        recording = self._recording
        return {
            "answers": dict(self._answers()),
            "spans": self._span_trees(),
            "log records": self._log_records(),
            "metrics": self._metrics(),
            "error events": self._events(),
            "exports": self._calls(),
            "standard output": self._printed(recording.stdout),
            "standard error": self._printed(recording.stderr),
            "Prometheus": self._scraped(),
            "cases": {name: self._case(name, case) for name, case in recording.cases.items()},
            "process": {
                "exit code": recording.exit_code,
                "files": [self._names.text(path) for path in recording.files],
            },
        }

    # Requests

    def _label_at(self, time_ns: int) -> str:
        """Give the request that was sent last before a time."""
        index = bisect_right(self._starts, time_ns) - 1
        return self._labels[index] if index >= 0 else OUTSIDE

    def _traces(self) -> dict[str, str]:
        """Give the request of each trace: the answer names it, or its first span's time does."""
        roots: dict[str, dict[str, Any]] = {}
        for span in self._spans:
            root = roots.get(span["trace_id"])
            if root is None or span["start_time_unix_nano"] < root["start_time_unix_nano"]:
                roots[span["trace_id"]] = span
        found = {}
        for sent in self._recording.sent:
            named = _TRACE_RESPONSE.search(sent.answer)
            if named:
                found[named[1].decode()] = sent.label
        for trace_id, root in roots.items():
            if trace_id in found:
                continue
            # A client may send one trace with several requests.
            linked = [
                link["trace_id"]
                for link in root.get("links", ())
                if link.get("trace_id", "") not in {"", *_SENT_IDS}
            ]
            known = next((roots[each] for each in linked if each in roots), root)
            label = found.get(known["trace_id"])
            label = label or _LEFT.get(_path(known))
            found[trace_id] = label or self._label_at(known["start_time_unix_nano"])
        return found

    def _answers(self) -> Iterator[tuple[str, Any]]:
        for sent in self._recording.sent:
            head, _, body = sent.answer.partition(b"\r\n\r\n")
            status, *headers = head.decode("latin-1").split("\r\n")
            pairs = [line.partition(": ")[::2] for line in headers]
            if ("transfer-encoding", "chunked") in [(n.lower(), v.lower()) for n, v in pairs]:
                body = _joined_chunks(body)
            self._lengths[sent.label] = len(body)
            yield (
                sent.label,
                {
                    "status": status,
                    "headers": [self._header(name, value, len(body)) for name, value in pairs],
                    "body": self._body(body),
                },
            )

    def _header(self, name: str, value: str, length: int) -> str:
        if name.lower() == "content-length" and value == str(length):
            value = "<length of the body>"
        if name.lower() == "sec-websocket-accept":
            value = "<key>"
        if name.lower() == "etag":
            value = "<tag>"
        return f"{name}: {self._names.page(value)}"

    def _body(self, body: bytes) -> Any:
        try:
            text = self._names.page(body.decode())
        except UnicodeDecodeError:
            return {"bytes": len(body), "digest": hashlib.sha256(body).hexdigest()[:20]}
        if _DEBUG_PAGE in text:
            return "<Django's page under DEBUG>"
        if len(text) <= _SHORT_PAGE:
            return text.splitlines()
        return {"digest": hashlib.sha256(text.encode()).hexdigest()[:20]}

    # OTLP

    def _items(self, signal: str, group: str) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
        """Give each item of a signal with its scope."""
        key = "log" if signal == "logs" else signal[:-1].replace("trace", "span")
        for found, message, _ in self._exports:
            if found != signal:
                continue
            for resource in message[f"resource_{key}s"]:
                for scope in resource[f"scope_{key}s"]:
                    context = dict(scope.get("scope", {}))
                    context["schema"] = scope.get("schema_url", resource.get("schema_url", ""))
                    context["resource"] = resource.get("resource", {})
                    for item in scope.get(group, ()):
                        yield item, context

    def _all_spans(self) -> Iterator[dict[str, Any]]:
        for span, scope in self._items("traces", "spans"):
            yield {**span, "scope": scope}

    def _span_trees(self) -> dict[str, Any]:
        known = {span["span_id"] for span in self._spans}
        children: dict[str, list[dict[str, Any]]] = defaultdict(list)
        roots: list[dict[str, Any]] = []
        for span in self._spans:
            parent = span.get("parent_span_id", "")
            (children[parent] if parent in known else roots).append(span)

        def node(span: dict[str, Any]) -> dict[str, Any]:
            label = self._label_of_trace[span["trace_id"]]
            found = self._plain(span, label)
            if span.get("parent_span_id", "") in known:
                del found["parent_span_id"]
            # The tree says which these are.
            del found["span_id"]
            found["children"] = _sorted(node(child) for child in children[span["span_id"]])
            return found

        trees = defaultdict(list)
        for root in roots:
            trees[self._label_of_trace[root["trace_id"]]].append(node(root))
        return {label: _sorted(found) for label, found in trees.items()}

    def _log_records(self) -> dict[str, Any]:
        records = defaultdict(list)
        for record, scope in self._items("logs", "log_records"):
            label = self._label_of_trace.get(record.get("trace_id", ""), OUTSIDE)
            found = self._plain({**record, "scope": scope}, label)
            records[BY_SERVERS if scope.get("name") in _SERVERS else label].append(found)
        return {label: _sorted(found) for label, found in records.items()}

    def _metrics(self) -> dict[str, Any]:
        metrics: dict[str, Any] = {}
        for metric, scope in self._items("metrics", "metrics"):
            name = metric["name"]
            [kind] = set(metric) & set(_KINDS)
            data = dict(metric[kind])
            points = data.pop("data_points", [])
            found = metrics.setdefault(
                name,
                {
                    "unit": metric.get("unit", ""),
                    "description": metric.get("description", ""),
                    "kind": kind,
                    "scope": self._names.everywhere(_without_versions(scope)),
                    **data,
                    "series": {},
                },
            )
            delta = data.get("aggregation_temporality", "").endswith("DELTA")
            for point in points:
                attributes = self._names.everywhere(point.get("attributes", {}))
                key = json.dumps(attributes, sort_keys=True)
                series = _series(kind, point, varies=bool(_VARYING.search(name)))
                before = found["series"].get(key)
                if delta and before and isinstance(before.get("count"), int):
                    series["count"] += before["count"]
                found["series"][key] = series
        return metrics

    def _calls(self) -> dict[str, Any]:
        """Give the headers of calls of a kind, and the resources that were sent, each once."""
        found: dict[str, list[Any]] = defaultdict(list)

        def add(kind: str, values: dict[str, Any]) -> None:
            plain = self._names.everywhere(_without_versions(values))
            if plain not in found[kind]:
                found[kind].append(plain)

        for path, headers, _ in self._recording.exports:
            kept = {name: value for name, value in headers.items() if name != "content-length"}
            add(path, kept)
        for headers in self._recording.envelopes:
            kept = {name: value for name, value in headers.items() if name != "content-length"}
            add("error tracker", kept)
        for signal, message, _ in self._exports:
            key = {"traces": "spans", "logs": "logs", "metrics": "metrics"}[signal]
            for resource in message[f"resource_{key}"]:
                attributes = resource.get("resource", {}).get("attributes", {})
                add(f"resource of {signal}", attributes)
        return {kind: _sorted(each) for kind, each in found.items()}

    # Error events

    def _events(self) -> dict[str, Any]:
        events = defaultdict(list)
        for event in self._recording.events:
            trace = event.get("contexts", {}).get("trace", {}).get("trace_id", "")
            label = self._label_of_trace.get(trace, OUTSIDE)
            found = self._plain(_without_frames(event), label)
            events[BY_SERVERS if event.get("logger") in _SERVERS else label].append(found)
        return {label: _sorted(found) for label, found in events.items()}

    # Text

    def _printed(self, text: str) -> dict[str, Any]:
        printed: dict[str, list[Any]] = defaultdict(list)
        for entry in _entries(text):
            try:
                record = json.loads(entry)
            except ValueError:
                printed["text"].append(self._names.text(_console(entry)))
                continue
            label = self._label_of_trace.get(record.get("trace_id", ""), OUTSIDE)
            found = self._plain(record, label)
            printed[BY_SERVERS if record.get("logger") in _SERVERS else label].append(found)
        return {
            # Two processes or threads may print at the same time.
            label: sorted(found) if label == "text" else _sorted(found)
            for label, found in printed.items()
        }

    def _scraped(self) -> list[str]:
        lines = []
        for line in self._recording.scraped.splitlines():
            name = line.rpartition(" ")[0]
            varies = _VARYING.search(line) or re.search(r"_(sum|bucket|created)\b", line)
            kept = line if line.startswith("#") or not varies else f"{name} <number>"
            lines.append(self._names.text(kept))
        return sorted(lines)

    # Cases

    def _case(self, name: str, case: dict[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = {"exit code": case["exit code"]}
        for stream in ("stdout", "stderr"):
            text = case[stream]
            if text.startswith("{") and (name == "API" or "--json" in name):
                found[stream] = self._names.everywhere(_unmeasured(json.loads(text)))
                continue
            # Times that are settings are compared, and those that were measured are not.
            measured = not name.startswith(("config", "start", "command", "manage.py"))
            lines = self._names.text(text, durations=measured).splitlines()
            found[stream] = [_COLUMNS.sub("  ", line) for line in lines if line.strip()]
        return found

    # Values

    def _plain(self, value: dict[str, Any], label: str) -> dict[str, Any]:
        """Replace all that varies in an item of a request."""
        return dict(self._names.everywhere(self._steady(value, label)))

    def _steady(self, value: Any, label: str) -> Any:
        if isinstance(value, list):
            return [self._steady(item, label) for item in value]
        if not isinstance(value, dict):
            return value
        found = {}
        for key, item in value.items():
            if _CLIENT_WAIT.search(key) and label != SENT_LATE:
                # Only one client is slow for sure.
                continue
            found[key] = self._steady_field(key, item, label)
        return found

    def _steady_field(self, key: str, item: Any, label: str) -> Any:
        if key.endswith("_unix_nano") or key in ("timestamp", "time"):
            return "<time>"
        if key == "server_name":
            return "<host name>"
        if key == "resource" or (key == "version" and isinstance(item, str)):
            return "<elsewhere>"
        if _BODY_SIZE.search(key) and label != OUTSIDE:
            # A page may show how long its queries took.
            same = item == self._lengths.get(label) or label.startswith("HEAD ")
            return "<length of the body>" if same else item
        if _BY_COST.search(key) and isinstance(item, list):
            return f"<{len(item)} values>"
        if _ORDERED_BY_COST.search(key) and isinstance(item, list):
            return sorted(item, key=str) if "time" not in key else f"<{len(item)} values>"
        if _TIMES.search(key) and isinstance(item, int | float) and not isinstance(item, bool):
            return "<number>"
        return self._steady(item, label)


_COLUMNS = re.compile(r"(?<=\S) {2,}(?=\S)")
_MEASURED = re.compile(r"^(ms|milliseconds|seconds|duration|took)")
_KINDS = ("sum", "gauge", "histogram", "exponential_histogram", "summary")


def _series(kind: str, point: dict[str, Any], *, varies: bool) -> dict[str, Any]:
    found: dict[str, Any] = {"exemplars": "exemplars" in point}
    if "explicit_bounds" in point:
        found["bounds"] = point["explicit_bounds"]
    if kind in ("sum", "gauge"):
        value = point.get("as_int", point.get("as_double"))
        found["value"] = f"<{type(value).__name__}>" if varies else value
    else:
        found["count"] = "<number>" if varies else point.get("count", 0)
    if varies:
        del found["exemplars"]
    return found


def _unmeasured(value: Any) -> Any:
    if isinstance(value, list):
        return [_unmeasured(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        key: "<number>" if _MEASURED.search(key) and item is not None else _unmeasured(item)
        for key, item in value.items()
    }


def _without_versions(value: dict[str, Any]) -> dict[str, Any]:
    """Replace the versions of packages, and what is recorded elsewhere."""
    found = dict(value)
    found.pop("resource", None)
    for key in ("version", "telemetry.sdk.version", "user-agent"):
        if key in found:
            found[key] = re.sub(r"\d+(\.\w+)+", "<version>", str(found[key]))
    if "x-sentry-auth" in found:
        found["x-sentry-auth"] = re.sub(r"[\d.]+(?=[,]|$)", "<number>", found["x-sentry-auth"])
    if "service.instance.id" in found:
        found["service.instance.id"] = "<uuid>"
    return found


def _without_frames(event: Any) -> Any:
    """Give an event without what a move of telemetry's or the host's code would change."""
    if isinstance(event, list):
        return [_without_frames(item) for item in event]
    if not isinstance(event, dict):
        return event
    found = {key: _without_frames(item) for key, item in event.items()}
    frames = found.get("frames")
    if isinstance(frames, list):
        kept: list[dict[str, Any]] = []
        for frame in frames:
            package = str(frame.get("module", "")).split(".")[0]
            if package in ("telemetry", "config"):
                frame = {"module": package}
            if not kept or frame != kept[-1] or len(frame) > 1:
                kept.append(frame)
        found["frames"] = kept
    if "lineno" in found:
        found["lineno"] = "<line>"
        if str(found.get("module", "")).split(".")[0] == "compared_host":
            found["pre_context"] = found["post_context"] = "<code>"
    if found.get("name") == "sentry.python":
        found = {"name": "sentry.python", "integrations": found.get("integrations")}
    return found


def _entries(text: str) -> list[str]:
    """Split text into log records or trees: each begins where a line is not a continuation."""
    entries: list[str] = []
    for line in _NEVER_AWAITED.sub("", text).splitlines():
        continues = entries and (
            line.startswith((" ", "Traceback", "\t")) or _CONTINUES.match(line) is not None
        )
        if continues:
            entries[-1] += f"\n{line}"
        else:
            entries.append(line)
    return entries


# Python prints these whenever it collects garbage.
_NEVER_AWAITED = re.compile(
    r"^.*RuntimeWarning: coroutine .* was never awaited\n(?:  .*\n)?"
    r"(?:RuntimeWarning: Enable.*\n)?",
    re.MULTILINE,
)
# The last line of a traceback: an exception's class and its text.
_CONTINUES = re.compile(
    r"^(?:[\w.]+(?:Error|Exception|Exit|Warning|Interrupt)\b|During handling|The above exception|$)"
)
_ALIGNED = re.compile(r"^ {2,}(?=\d+\.\d+ m?s)", re.MULTILINE)
_SLOW = re.compile(r"(?<=\d)( m?s)! ")
_LONGEST = re.compile(r"(, longest \S+ m?s: ).*")


def _console(entry: str) -> str:
    # Which of the queries was the longest depends on time.
    entry = _LONGEST.sub(r"\1<statement>", entry)
    # So does the mark of one that was slow; times are aligned to the right.
    entry = _SLOW.sub(r"\1  ", entry)
    return _ALIGNED.sub("    ", entry)


def _joined_chunks(body: bytes) -> bytes:
    joined = b""
    while body:
        size, _, rest = body.partition(b"\r\n")
        try:
            length = int(size.partition(b";")[0], 16)
        except ValueError:
            return joined + body
        joined += rest[:length]
        body = rest[length + 2 :]
    return joined


# Ids that clients send.
_SENT_IDS = frozenset(
    (TRACE.decode(), OTHER_TRACE.decode(), SPAN.decode(), "0" * 32, "0" * 16),
)


def _sorted(items: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(items, key=lambda item: json.dumps(item, sort_keys=True))


def arrange(recording: Recording) -> Surfaces:
    """Give all surfaces of a recording. Raises ValueError for what JSON can't hold."""
    surfaces = Arranger(recording).surfaces()
    # Also a proof that nothing else is in it.
    assert not any(isinstance(each, float) and math.isnan(each) for each in _leaves(surfaces))
    return dict(json.loads(json.dumps(surfaces)))


def _leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        for item in value.values():
            yield from _leaves(item)
    elif isinstance(value, list):
        for item in value:
            yield from _leaves(item)
    else:
        yield value


_VARIABLE = re.compile(r"^\| `([A-Z][A-Z0-9_]+)` \|(.*)$", re.MULTILINE)


def documented_variables(root: Path) -> dict[str, str]:
    """Give the variables of the reference, and whether each is a secret."""
    reference = (root / "docs" / "reference.md").read_text()
    found = _VARIABLE.findall(reference)
    return {name: "secret" if "Secret." in meaning else "open" for name, meaning in found}
