"""Private names of other packages: all are in the table, and a host does without each of them."""

from __future__ import annotations

import importlib
import json
import logging
import pkgutil
import subprocess
import sys
from collections import Counter
from contextvars import ContextVar
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

import telemetry
from telemetry import private_api
from telemetry.private_api import TABLE, PrivateName
from telemetry.testing import EventReceiver, OTLPReceiver
from tests.support.environment import clean_environment
from tests.support.paths import ROOT
from tests.support.private_names import overridden, private_names, unused
from tests.support.structure import python_files
from tests.telemetry.scripts import printed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# What differs in a host that lacks the name; of the others nothing that is looked at.
LOST = {
    "DATASETTE_CLIENT": {"spans", "calling"},
    "DATASETTE_INSTANCES": {"metrics"},
    "DATASETTE_RICH": {"panels", "tracebacks"},
    "DATASETTE_TRACEBACK": {"tracebacks"},
    "DATASETTE_DATABASE_OUTPUT": {"statements"},
    "DATASETTE_TEMPLATES": {"timing"},
    "TRACER_RESOURCE": {"services"},
    "LOGGER_RESOURCE": {"services"},
    "MULTIPROCESSING_CHILD": {"children"},
    "MULTIPROCESSING_END": {"children"},
    "LOGFIRE_CONFIG": {"spans", "warnings"},
    "LOGFIRE_TRACER_PROVIDER": {"spans"},
    "LOGFIRE_SET_TRACER_PROVIDER": {"spans"},
    "LOGFIRE_UNCONFIGURED": {"warnings"},
    "SENTRY_EVENT": {"events"},
}
# What is renamed instead, where its own package has many other attributes of the same name.
RENAMED = {
    "DJANGO_TEMPLATES": "Template",
    "LOGFIRE_CONFIG": "DEFAULT_LOGFIRE_INSTANCE",
    "SENTRY_CAPTURE": "_Client",
}


class HostForks:
    """A process that has imported what a host does, and starts one for each question."""

    def __init__(self, otlp: OTLPReceiver, events: EventReceiver) -> None:
        self._otlp, self._events = otlp, events
        self._env = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": otlp.grpc_endpoint,
            "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
            **{f"OTEL_{signal}_EXPORTER": "otlp" for signal in ("TRACES", "METRICS", "LOGS")},
            "OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT": "8",
            "SENTRY_DSN": events.dsn,
            "TELEMETRY_FOLD_BELOW": "600s",
            "TELEMETRY_RAISE_FAILURES": "1",
        }
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.telemetry.removed_names"],
            cwd=ROOT,
            env=clean_environment(PYDANTIC_DISABLE_PLUGINS="logfire-plugin"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def without(self, *names: tuple[str, str]) -> dict[str, Any]:
        """What a host does that lacks these: of each the module, and the path within it."""
        self._otlp.clear()
        self._events.clear()
        stdin, stdout = self.process.stdin, self.process.stdout
        assert stdin is not None
        assert stdout is not None
        stdin.write(json.dumps({"renamed": names, "env": self._env}) + "\n")
        stdin.flush()
        answer = json.loads(stdout.readline())
        if answer["code"]:
            return {"code": answer["code"], "printed": answer["printed"]}
        return {"code": 0, "printed": answer["printed"], **self._looked_at(**answer)}

    def _looked_at(self, code: int, seen: dict[str, Any], printed: str) -> dict[str, Any]:
        # On a busy machine a first attempt to send may fail, which is said, and succeeds then.
        logged = [each for each in seen.pop("logged") if " to otlp (" not in each[2]]
        spans = self._otlp.spans
        others = ("db.", "datasette.startup", "child")
        own = [span for span in spans if not span.name.startswith(others)]
        return {
            **seen,
            "own warnings": [text for name, _, text in logged if name == "telemetry"],
            "logged": Counter(
                (name, level)
                for name, level, _ in logged
                if name not in ("telemetry", "py.warnings")
            ),
            "warnings": printed.count("LogfireNotConfiguredWarning"),
            "spans": Counter((span.kind, span.name, span.scope) for span in own),
            "calling": [
                span.attributes.get("http.route")
                for span in own
                if span.attributes.get("url.path") == "/-/calling"
            ],
            "children": [span.kind for span in spans if span.name == "child"],
            "metrics": {
                point.name
                for point in self._otlp.metrics
                if not point.name.startswith(("otel.", "corkboard.eventloop"))
            },
            "services": {
                signal: {each.resource["service.name"] for each in received}
                for signal, received in (
                    ("traces", spans),
                    ("metrics", self._otlp.metrics),
                    ("logs", self._otlp.logs),
                )
            },
            "dropped": sum(_dropped(self._otlp)),
            "events": [
                (
                    event.exceptions,
                    bool(event.trace_id),
                    event.tags.get("caught.by"),
                    _handled(event),
                )
                for event in self._events.events
            ],
            "panels": "locals" in printed,
            "tracebacks": printed.count("Traceback (most recent call last)"),
            "statements": "planted_word" in printed,
        }


def _dropped(receiver: OTLPReceiver) -> Iterator[int]:
    for request, payload in zip(receiver.requests, receiver.payloads, strict=True):
        if "TraceService" in request.path:
            for resource in ExportTraceServiceRequest.FromString(payload).resource_spans:
                for scope in resource.scope_spans:
                    for span in scope.spans:
                        yield from (event.dropped_attributes_count for event in span.events)


def _handled(event: Any) -> Any:
    values = event.raw.get("exception", {}).get("values") or [{}]
    return values[-1].get("mechanism", {}).get("handled")


@pytest.fixture(scope="module")
def forks() -> Iterator[HostForks]:
    """One for all tests of the module, since it takes a second to start."""
    with OTLPReceiver(grpc=True) as otlp, EventReceiver() as events:
        forks = HostForks(otlp, events)
        with forks.process:
            yield forks
            assert forks.process.stdin is not None
            forks.process.stdin.close()


@pytest.fixture(scope="module")
def complete(forks: HostForks) -> dict[str, Any]:
    """A host that lacks nothing."""
    found = forks.without()
    assert found["code"] == 0, found["printed"]
    return found


def _differences(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    return {
        key: (one.get(key), other.get(key))
        for key in one.keys() | other.keys()
        if key not in ("printed", "own warnings") and one.get(key) != other.get(key)
    }


def _batches() -> list[list[str]]:
    """The table's keys, in hosts that lack several: of no package two, and nothing lost twice.

    So each warning and each difference is one entry's alone.
    """
    batches: list[list[str]] = []
    # Those of older releases: tests/telemetry/datasette/releases.
    for key in (key for key, name in TABLE.items() if not name.releases):
        for batch in batches:
            packages = {TABLE[other].distribution for other in batch}
            lost = set().union(*(LOST.get(other, set()) for other in batch))
            if TABLE[key].distribution not in packages and not lost & LOST.get(key, set()):
                batch.append(key)
                break
        else:
            batches.append([key])
    return batches


@pytest.mark.parametrize("keys", _batches(), ids="+".join)
def test_a_host_does_without(keys: list[str], forks: HostForks, complete: dict[str, Any]) -> None:
    """It starts, says once what is missing and lost, loses that, and does all else as before."""
    names = [TABLE[key] for key in keys]
    found = forks.without(*((TABLE[key].module, RENAMED.get(key, TABLE[key].path)) for key in keys))
    assert found["code"] == 0, found["printed"]
    assert len(found["own warnings"]) == len(keys), "\n".join(found["own warnings"])
    for name in names:
        [warning] = [text for text in found["own warnings"] if str(name) in text]
        assert warning.startswith(name.distribution)
        assert warning.endswith(f"Without it, {name.lost}.")
    differences = _differences(found, complete)
    assert differences.keys() == set().union(*(LOST.get(key, ()) for key in keys)), differences


@pytest.mark.parametrize(
    ("module", "keys", "lost"),
    [
        ("datasette.views.base", ["DATASETTE_VIEW_OUTPUT"], set()),
        (
            "datasette.handle_exception",
            ["DATASETTE_RICH", "DATASETTE_TRACEBACK"],
            {"panels", "tracebacks"},
        ),
    ],
)
def test_a_host_does_without_a_module(
    forks: HostForks, complete: dict[str, Any], module: str, keys: list[str], lost: set[str]
) -> None:
    """One of Datasette's that has another name now."""
    found = forks.without((module, ""))
    assert found["code"] == 0, found["printed"]
    assert len(found["own warnings"]) == len(keys)
    for key, warning in zip(keys, found["own warnings"], strict=True):
        assert str(TABLE[key]) in warning
    differences = _differences(found, complete)
    assert differences.keys() == lost, differences


def test_a_host_that_lacks_nothing_warns_of_nothing(complete: dict[str, Any]) -> None:
    """The names are those of the releases that are locked; and all that is compared is there."""
    assert complete["own warnings"] == []
    assert set(complete["statuses"].values()) == {200, 400, 404, 500}
    assert [(what, arrived) for what, arrived, _ in complete["check"]] == [
        *(("traces", True), ("metrics", True), ("logs", True), ("errors", True))
    ]
    assert complete["services"] == {signal: {"host"} for signal in ("traces", "metrics", "logs")}
    assert complete["calling"] == ["/-/calling"]
    assert complete["children"] == ["INTERNAL"]
    assert complete["timing"] == ["sql", "template", "total"]
    assert [event[1:] for event in complete["events"]][:2] == [
        (True, "django", False),
        (True, "datasette", False),
    ]
    assert complete["dropped"] == 1
    assert (complete["panels"], complete["statements"], complete["warnings"]) == (False, False, 0)


@pytest.mark.parametrize(
    ("module", "path"),
    [
        ("opentelemetry.sdk.trace", "SpanLimits"),
        ("opentelemetry.util.http", "parse_excluded_urls"),
        ("sentry_sdk.integrations.logging", "LoggingIntegration"),
    ],
)
def test_a_name_that_is_needed_and_not_in_the_table_is_noticed(
    forks: HostForks, complete: dict[str, Any], module: str, path: str
) -> None:
    """What the test above does to the table's names stops a host that is not prepared for it."""
    found = forks.without((module, path))
    assert found["code"] == 1
    assert path in found["printed"]
    assert _differences(found, complete)


def test_what_is_not_there_can_not_be_taken_away(forks: HostForks) -> None:
    """An entry whose name is wrong fails, and does not pass for one that a host does without."""
    found = forks.without(("datasette.telemetry", "_never_there"))
    assert found["code"] == 1
    assert "LookupError: datasette.telemetry._never_there" in found["printed"]


# Modules that OpenTelemetry and Python document: see `telemetry.private_api`.
PUBLISHED = (
    "_thread",
    "opentelemetry._logs",
    "opentelemetry.sdk._logs",
)
# Django's settings, as contrib's instrumentation does; and what Django documents for its admin.
REPLACED = (
    "django.conf.settings.MIDDLEWARE",
    *(f"django.contrib.admin.site.{each}" for each in ("index_title", "site_header", "site_title")),
)
# Their documentation asks each subclass for them.
HOOKS = {
    "opentelemetry.instrumentation.distro.BaseDistro._configure",
    "opentelemetry.instrumentation.instrumentor.BaseInstrumentor._instrument",
    "opentelemetry.instrumentation.instrumentor.BaseInstrumentor._uninstrument",
    # The SDK documents that `MetricReader.collect` calls it with what it has collected.
    "opentelemetry.sdk.metrics._internal.export.MetricReader._receive_metrics",
    "opentelemetry.exporter.prometheus.PrometheusMetricReader._receive_metrics",
}


def _found(root: Path, *files: Path) -> list[str]:
    ours = ("telemetry", "config", "django_plugins")
    return private_names(root, files, ours=ours, published=PUBLISHED, replaced=REPLACED)


def test_no_private_name_is_used_but_through_the_table() -> None:
    """Nor replaced. A new one needs an entry, and `private_api.get`, `replace` or `call`."""
    files = python_files(ROOT, "telemetry")
    assert _found(ROOT, *files) == []
    assert _found(ROOT, *python_files(ROOT, "config", "django_plugins")) == []
    others = [path for path in files if path.name != "private_api.py"]
    assert unused(others, TABLE) == set()


def test_no_class_has_a_private_name_of_its_base() -> None:
    """By chance, one would replace the other's."""
    assert overridden(_classes(), "telemetry") == HOOKS


def _classes() -> Iterator[type[Any]]:
    for module in pkgutil.walk_packages(telemetry.__path__, "telemetry."):
        # The viewer's server has an environment of its own; the other is a program.
        if module.name.startswith("telemetry.viewer.server") or module.name.endswith("__main__"):
            continue
        for value in vars(importlib.import_module(module.name)).values():
            # By type(): Django's settings are lazy, and there are none.
            if issubclass(type(value), type) and value.__module__.startswith("telemetry."):
                yield value


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("import a._b", "a._b"),
        ("from a import _b", "a._b"),
        ("from a._b import c", "a._b.c"),
        ("from opentelemetry.sdk import _configuration", "opentelemetry.sdk._configuration"),
        ("from opentelemetry.sdk._logs import _internal", "opentelemetry.sdk._logs._internal"),
        ("def f():\n    from a import _b", "a._b"),
        ("if TYPE_CHECKING:\n    from a import _b", "a._b"),
        ("def f(x):\n    return x._client", "x._client"),
        ("def f(x):\n    x._client = 1", "x._client"),
        ("import a\na.b._c()", "a.b._c"),
        ("def f(x):\n    return getattr(x, '_client', None)", "x._client"),
        ("def f(x):\n    setattr(x, '_client', None)", "x._client"),
        ("import a\nclass C(a.B):\n    def f(self):\n        return self._b", "self._b"),
        ("import a\na.sys = None", "a.sys is replaced"),
        ("from a import b\nb.traceback = None", "a.b.traceback is replaced"),
        ("def f():\n    from a import b\n    b.rich = None", "a.b.rich is replaced"),
        ("import a\nsetattr(a.B, 'c', 1)", "a.B.c is replaced"),
        ("import a\ndel a.b", "a.b is replaced"),
        (
            "import wrapt\nwrapt.wrap_function_wrapper('a', 'B.c', f)",
            "wrap_function_wrapper(a, B.c)",
        ),
        ("import importlib\nimportlib.import_module('a._b')", "a._b"),
    ],
)
def test_a_private_name_is_found(tmp_path: Path, code: str, expected: str) -> None:
    """In any form that a use can take."""
    (tmp_path / "telemetry").mkdir()
    file = tmp_path / "telemetry" / "x.py"
    file.write_text(code)
    [found] = _found(tmp_path, file)
    assert found.startswith("telemetry/x.py:")
    assert found.endswith(expected)


@pytest.mark.parametrize(
    "code",
    [
        "from opentelemetry._logs import LogRecord",
        "from opentelemetry.sdk._logs.export import LogRecordExporter",
        "from telemetry.y import _own\nimport telemetry.y\ntelemetry.y._own",
        "class C:\n    def f(self):\n        self._x = 1\n        return self._x",
        "class C:\n    __slots__ = ('a',)\n    def _f(self): ...\nC()._f()",
        "from telemetry.y import Base\nclass C(Base):\n    def f(self):\n        return self._base",
        "from collections import namedtuple\nnamedtuple('a', 'b')(1)._replace(b=2)",
        "from django.conf import settings\nsettings.MIDDLEWARE = []",
        "import sys\nsys.excepthook = print",
        "from __future__ import annotations",
    ],
)
def test_what_is_ours_or_documented_is_not(tmp_path: Path, code: str) -> None:
    """Own names, those of own bases, the standard library's hooks, published modules."""
    (tmp_path / "telemetry").mkdir()
    file, base = tmp_path / "telemetry" / "x.py", tmp_path / "telemetry" / "y.py"
    file.write_text(code)
    base.write_text("class Base:\n    def __init__(self):\n        self._base = 1\n")
    assert _found(tmp_path, file, base) == []


def test_an_overridden_name_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A method's, and one that is assigned to `self` alone."""
    assigning = "    def __init__(self):\n        self._assigned = 1\n    def _method(self): ...\n"
    (tmp_path / "planted_base.py").write_text(
        f"class Base:\n{assigning}    def _other(self): ...\n"
    )
    own = f"import planted_base\nclass Own(planted_base.Base):\n{assigning}    _own = 1\n"
    (tmp_path / "planted_own.py").write_text(own)
    monkeypatch.syspath_prepend(tmp_path)
    found = overridden([importlib.import_module("planted_own").Own], "planted_own")
    assert found == {"planted_base.Base._assigned", "planted_base.Base._method"}


def test_an_entry_that_nothing_uses_is_found(tmp_path: Path) -> None:
    """The table has no past."""
    (tmp_path / "x.py").write_text("private_api.get(private_api.ONE)")
    assert unused([tmp_path / "x.py"], ["ONE", "TWO"]) == {"TWO"}


def _entry(path: str, module: str = "telemetry.planted", **more: Any) -> PrivateName[Any]:
    return PrivateName("planted", module, path, "do it", "it is not done", **more)


@pytest.fixture
def planted(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A module, as another package's."""
    module = SimpleNamespace(_do=lambda: "done", _number=1, __version__="2.0")
    monkeypatch.setitem(sys.modules, "telemetry.planted", module)
    return module


def test_a_name_is_looked_up_once(planted: SimpleNamespace) -> None:
    """And remembered, which is what makes it cheap in a request."""
    entry = _entry("_do")
    found = private_api.get(entry)
    assert found is not None
    assert found() == "done"
    del planted._do
    assert private_api.get(entry) is found
    assert private_api.holder(entry) is planted


@pytest.mark.parametrize(
    "entry",
    [
        _entry("_gone"),
        _entry("_number"),
        _entry("_do", kind=ContextVar),
        _entry("Class._gone"),
        _entry("_do", "telemetry.never_there"),
    ],
    ids=["absent", "changed", "of another kind", "absent class", "absent module"],
)
def test_a_missing_name_is_reported_once(
    planted: SimpleNamespace, caplog: pytest.LogCaptureFixture, entry: PrivateName[Any]
) -> None:
    """Whatever is asked of it, and never by an exception."""
    for _ in range(2):
        assert private_api.get(entry) is None
        assert private_api.holder(entry) is None
        assert private_api.replace(entry, print) is False
    [record] = caplog.records
    assert (record.name, record.levelno) == ("telemetry", logging.WARNING)
    assert f"has no usable {entry}, which is used to do it. Without it, it is not" in (
        record.getMessage()
    )


def test_a_name_of_an_instance(caplog: pytest.LogCaptureFixture) -> None:
    """Is looked up on the instance each time."""
    entry = _entry("Class._do")
    one, other = SimpleNamespace(_do=lambda given: given + 1), SimpleNamespace(_undo=None)
    assert private_api.call(entry, one, 2) == 3
    assert private_api.replace(entry, lambda given: given, one)
    assert private_api.call(entry, one, 2) == 2
    assert caplog.records == []
    assert private_api.call(entry, other, 2) is None
    assert private_api.get(entry, other) is None
    assert private_api.replace(entry, print, other) is False
    assert len(caplog.records) == 1


def test_a_call_that_fails_is_reported(caplog: pytest.LogCaptureFixture) -> None:
    """Of another release whose arguments are others; a name that can't be assigned to, too."""
    entry = _entry("Class._do")
    assert private_api.call(entry, SimpleNamespace(_do=lambda: None), 1) is None
    assert "fails (TypeError: " in caplog.text
    assert private_api.replace(_entry("real"), 1.0, 2) is False
    fixed = _entry("real", kind=int)
    assert private_api.replace(fixed, 1, 2) is False
    assert "fails (AttributeError: " in caplog.text


def test_nothing_is_imported_for_it(tmp_path: Path) -> None:
    """A vendor that the host has not imported stays so, and is looked for again."""
    code = """
        import sys
        from telemetry import private_api
        for name in private_api.TABLE.values():
            top = name.module.partition(".")[0]
            if top != "opentelemetry":
                assert private_api.get(name) is None and private_api.holder(name) is None
                assert top not in sys.modules, name
        import datasette.app
        print(private_api.get(private_api.DATASETTE_CLIENT).get())
    """
    assert printed(tmp_path, code) == "False"


def test_a_module_that_start_up_reports_is_not_reported_again(
    planted: SimpleNamespace, caplog: pytest.LogCaptureFixture
) -> None:
    """A Datasette without telemetry of its own."""
    entry = _entry("_do", "telemetry.never_there", reported_elsewhere=True)
    assert private_api.get(entry) is None
    assert caplog.records == []
