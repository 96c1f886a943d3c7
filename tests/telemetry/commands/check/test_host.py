"""`python -m telemetry check --host`: a host that is well, and one for each mistake."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from telemetry.commands.check.findings import HostError
from telemetry.commands.check.host import Host, look_at, of_site, with_sites
from telemetry.commands.cost.driving import Page, Visited
from telemetry.testing import OTLPReceiver, ReceivedSpan
from tests.support.environment import clean_environment
from tests.support.forks import python
from tests.support.host import add_sites, migrated_host
from tests.support.paths import ROOT
from tests.telemetry.commands.check.hosts import HOSTS, write_hosts

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

PARTS = [
    "edge",
    "tracer provider",
    "Sentry's ASGI middleware",
    "log lines",
    "instrumentors",
]
DEAD = "small.well:application small.dead_settings"
NOT_THERE = ["small.nothing:application", "small.well:app", "small.well:os.environ"]
FACTORIES = [
    *("small.factory:application()", "small.factory:failing", "small.factory:nothing()"),
    "small.factory:passes_on",
]
Results = dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def hosts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hosts")
    write_hosts(folder)
    return folder


@pytest.fixture(scope="module")
def inspected(hosts: Path) -> Results:
    """The result of each host."""
    targets = [f"small.{name}:application" for name in HOSTS]
    done = _python(
        hosts, "tests.telemetry.commands.check.inspecting", *targets, DEAD, *NOT_THERE, *FACTORIES
    )
    results: Results = json.loads(done.stdout.splitlines()[-1])
    return results


def _python(
    folder: Path, *arguments: str, env: Mapping[str, str] | None = None, **variables: str
) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join((str(folder), str(ROOT)))
    done = python(
        "-m",
        *arguments,
        cwd=folder,
        env=env or clean_environment(PYTHONPATH=path, **variables),
    )
    assert "Traceback" not in done.stdout + done.stderr
    return done


def _findings(result: dict[str, Any]) -> list[dict[str, Any]]:
    assert "findings" in result, result
    found: list[dict[str, Any]] = result["findings"]
    # In their order.
    assert list(dict.fromkeys(finding["what"] for finding in found)) == PARTS
    return found


def _problem(result: dict[str, Any], what: str) -> str:
    """The one problem, and what to do about it."""
    wrong = [finding for finding in _findings(result) if finding["well"] is False]
    assert [finding["what"] for finding in wrong] == [what], wrong
    assert wrong[0]["advice"].endswith(".")
    return f"{wrong[0]['description']}. {wrong[0]['advice']}"


def test_a_host_that_is_well(inspected: Results) -> None:
    """Each part is looked at."""
    found = _findings(inspected["small.well:application"])
    assert [finding["well"] for finding in found] == [True] * 5
    assert inspected["small.well:application"]["service_name"] == "small"


def test_something_is_around_the_edge(inspected: Results) -> None:
    """Each wrapper is named, from the outermost on."""
    said = _problem(inspected["small.around:application"], "edge")
    assert "not outermost: small.around.middleware.<locals>.inner and small.router.Around" in said
    assert "Call telemetry.asgi_wrapper() last" in said
    said = _problem(inspected["small.by_name:application"], "edge")
    assert "small.by_name.application is around it" in said


@pytest.mark.parametrize(
    ("host", "around"),
    [("of_class", "Sites.serve"), ("of_module", "application"), ("proxy", "Chosen")],
)
def test_what_is_around_the_edge_is_looked_into(inspected: Results, host: str, around: str) -> None:
    """Attributes of classes and modules by which it finds the edge; also beside a proxy."""
    said = _problem(inspected[f"small.{host}:application"], "edge")
    assert said.startswith(f"not outermost: small.{host}.{around} is around it")


def test_a_factory_is_called(inspected: Results) -> None:
    """With ``()`` or without, as uvicorn does. What it raises or returns is reported."""
    for target in ("small.factory:application", "small.factory:application()"):
        assert [finding["well"] for finding in _findings(inspected[target])] == [True] * 5
    error = inspected["small.factory:failing"]["error"]
    assert "failing() raises LookupError: planted (small/factory.py, line " in error
    error = inspected["small.factory:nothing()"]["error"]
    assert "nothing() returns an object of type NoneType, which can't be called" in error
    # No factory: it takes any number of arguments, and so the three of an application.
    assert _problem(inspected["small.factory:passes_on"], "edge").startswith("not outermost")


def test_a_host_may_read_the_command_line(inspected: Results) -> None:
    """Which is that of a server."""
    found = _findings(inspected["small.parses_arguments:application"])
    assert [finding["well"] for finding in found] == [True] * 5


def test_the_application_is_not_wrapped(inspected: Results) -> None:
    """Or what was wrapped is not what is served."""
    said = _problem(inspected["small.unwrapped:application"], "edge")
    assert "small.router.Router is not wrapped. Wrap the whole application" in said
    said = _problem(inspected["small.result_unused:application"], "edge")
    assert "although telemetry.asgi_wrapper() is called" in said


def test_the_application_is_wrapped_twice(inspected: Results) -> None:
    """An error at start-up is a finding, with its place."""
    said = _problem(inspected["small.wrapped_twice:application"], "edge")
    assert "wrapped in Edge already (small/wrapped_twice.py, line " in said


def test_a_second_tracer_provider(inspected: Results) -> None:
    """Set before telemetry's, which is an error at start-up, or after."""
    said = _problem(inspected["small.provider_before:application"], "tracer provider")
    assert "a TracerProvider is installed already" in said
    assert "Call telemetry.configure() before" in said
    said = _problem(inspected["small.provider_after:application"], "tracer provider")
    assert "there is another one, opentelemetry.sdk.trace.TracerProvider" in said


def test_other_instrumentation_of_requests(inspected: Results) -> None:
    """Logfire's and contrib's."""
    said = _problem(inspected["small.logfire:application"], "tracer provider")
    assert "opentelemetry.instrumentation.asgi.OpenTelemetryMiddleware is in use" in said
    said = _problem(inspected["small.contrib_django:application"], "tracer provider")
    assert "DjangoInstrumentor of opentelemetry.instrumentation.django is in use" in said


def test_sentry_s_middleware_is_around_the_edge(inspected: Results) -> None:
    """The host needs its DSN, and gets another one."""
    said = _problem(inspected["small.sentry:application"], "Sentry's ASGI middleware")
    assert "sentry_sdk.integrations.asgi.SentryAsgiMiddleware is around the edge. Remove" in said
    [edge, *_] = _findings(inspected["small.sentry:application"])
    assert edge["description"] == "in the application, and not outermost"


def test_log_lines_that_are_not_in_use(inspected: Results) -> None:
    """`LOGGING_CONFIG = None` leaves the dictionary unused."""
    said = _problem(inspected[DEAD], "log lines")
    assert "no handler of the root logger uses it" in said
    assert "Remove LOGGING_CONFIG = None from Django's settings" in said


def test_instrumented_too_late_or_never(inspected: Results) -> None:
    """The first is an error at start-up; so is a missing call of configure()."""
    said = _problem(inspected["small.too_late:application"], "instrumentors")
    assert "Django was instrumented too late (small/too_late.py, line " in said
    assert "call telemetry.instrument() before get_asgi_application()" in said
    said = _problem(inspected["small.not_instrumented:application"], "instrumentors")
    assert "Django is not instrumented" in said
    said = _problem(inspected["small.not_configured:application"], "instrumentors")
    assert "telemetry.instrument() came before telemetry.configure()" in said


def test_a_host_that_can_t_be_imported(inspected: Results) -> None:
    """Names what was given and what is wanted, or what was raised and where."""
    for target, said in {
        "small.nothing:application": "there is no module 'small.nothing' in ",
        "small.well:app": "has no attribute 'app'; wanted the ASGI application",
        "small.well:os.environ": "can't be called; wanted the ASGI application",
        "small.broken:application": "LookupError: planted (small/broken.py, line 5)",
        "small.interrupted:application": "KeyboardInterrupt (small/interrupted.py, line 1)",
    }.items():
        assert inspected[target]["error"].startswith(f"'{target}': ")
        assert said in inspected[target]["error"]


def test_a_router_that_never_names_a_site(hosts: Path) -> None:
    """Exit code 1, at 80 columns."""
    done = _python(
        hosts,
        *("telemetry", "check", "--host", "small.no_site:application"),
        *("--site", "http://alameda.ca.localhost:8000/"),
        OTEL_TRACES_EXPORTER="console",
    )
    assert done.returncode == 1, done.stdout + done.stderr
    host, sent = done.stdout.split("\n\nsmall, trace ")
    assert host.splitlines() == [
        "host small.no_site:application",
        "",
        "ok       edge: outermost",
        "ok       tracer provider: telemetry's, and no other",
        "ok       Sentry's ASGI middleware: not around the edge",
        "ok       log lines: in telemetry's format",
        "ok       instrumentors: installed in time",
        "WRONG    site: alameda.ca.localhost:8000/ has no site (status 200)",
        "         Call telemetry.set_site() in the router, once it has found the site of",
        "         a request.",
    ]
    assert "traces: console" in sent


def test_this_repository_s_host(tmp_path: Path) -> None:
    """It is well, also where a Host header has a port; the import and the page send nothing."""
    with OTLPReceiver() as receiver:
        env = migrated_host(tmp_path, OTEL_EXPORTER_OTLP_ENDPOINT=receiver.url)
        add_sites(env, [("alameda.ca", "Alameda", "CA", 1)])
        (tmp_path / "sites" / "alameda.ca").mkdir(parents=True)
        done = _python(
            ROOT,
            *("telemetry", "check", "--json", "--host", "config.asgi:application"),
            *("--site", "alameda.ca.localhost:8000"),
            env=env,
        )
    assert done.returncode == 0, done.stdout + done.stderr
    document = json.loads(done.stdout)
    assert document["arrived"]
    assert document["host"]["well"]
    assert document["service_name"] == "corkboard"
    [*_, site] = document["host"]["findings"]
    assert site["description"] == "alameda.ca.localhost:8000/ has the site alameda.ca"
    assert [span.name for span in receiver.spans] == ["telemetry check"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--host", "small.well"), "'small.well': wanted module:attribute of an ASGI"),
        (("--site", "alameda.ca.localhost"), "--site alameda.ca.localhost: wanted --host as well"),
        (("--host", "small.well:application", "--site", "a:b"), "--site 'a:b': wanted the host"),
        (("--host", "small.broken:application"), "can't be imported: LookupError: planted"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_what_is_wrong_is_said(hosts: Path, arguments: tuple[str, ...], said: str) -> None:
    """Exit code 2, and nothing is sent."""
    done = _python(hosts, "telemetry", "check", *arguments, OTEL_TRACES_EXPORTER="console")
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr


def test_without_a_destination_the_host_is_looked_at(hosts: Path) -> None:
    """Exit code 2, since nothing is sent."""
    done = _python(hosts, "telemetry", "check", "--json", "--host", "small.unwrapped:application")
    assert done.returncode == 2
    document = json.loads(done.stdout)
    assert (document["arrived"], document["trace_id"], document["host"]["well"]) == (
        None,
        None,
        False,
    )
    assert "nothing is configured" in done.stderr


def test_manage_py_check_reports_the_same(hosts: Path) -> None:
    """Of the application that is beside the settings, or that they name; as warnings."""
    done = _python(hosts, "django", "check", DJANGO_SETTINGS_MODULE="small.settings")
    assert done.returncode == 0
    assert "(telemetry.W005) Edge: not outermost: small.asgi" in done.stderr
    assert "HINT: Call telemetry.asgi_wrapper() last" in done.stderr
    assert "1 issue" in done.stderr
    (hosts / "named_settings.py").write_text(
        "from small.settings import *\nASGI_APPLICATION = 'small.broken.application'\n"
    )
    done = _python(hosts, "django", "check", DJANGO_SETTINGS_MODULE="named_settings")
    assert done.returncode == 0
    assert "(telemetry.I001) The host was not looked at" in done.stderr
    assert "LookupError: planted" in done.stderr


def test_other_commands_do_not_import_the_application(hosts: Path) -> None:
    """Though they run the checks first: it takes as long as a start of the host."""
    done = _python(
        *(hosts, "django", "showmigrations"),
        DJANGO_SETTINGS_MODULE="small.settings",
        TELEMETRY_SLOWER="1s",
    )
    assert "(telemetry.W001) TELEMETRY_SLOWER" in done.stderr
    assert "telemetry.W005" not in done.stderr


SITE_PAGE = Page("alameda.ca.localhost", "/")
SERVED = ReceivedSpan(
    *("GET /", "SERVER", "a", "", "", {}, (), (), "UNSET", "", 0, 0, "", 0, "telemetry", "", {}, 1)
)
UNKNOWN = replace(SERVED, attributes={"corkboard.outcome": "unknown_site"})
NAMED = replace(SERVED, attributes={"corkboard.site": "alameda.ca"})


@pytest.mark.parametrize(
    ("visited", "well", "said"),
    [
        (Visited(SITE_PAGE, 200, [[NAMED]]), True, "has the site alameda.ca"),
        (Visited(SITE_PAGE, 200, [[]]), None, "UNTRACED_PATHS"),
        (Visited(SITE_PAGE, 404, [[UNKNOWN]]), False, "knows no such site"),
        (
            Visited(SITE_PAGE, 301, [[SERVED]], "https://alameda.ca.localhost/"),
            False,
            "--site https://alameda.ca.localhost.",
        ),
        (Visited(SITE_PAGE, 200, [[SERVED]]), False, "telemetry.set_site()"),
    ],
)
def test_a_site_that_is_not_named_is_explained(
    visited: Visited, well: bool | None, said: str
) -> None:
    """By what is in the page's span."""
    finding = of_site(visited)
    assert finding.well is well
    assert said in f"{finding.description} {finding.advice}"


def test_a_host_without_an_edge_is_not_asked_for_sites() -> None:
    """Nothing would record the request."""
    [finding] = with_sites(Host("x:y", (), False, "x"), [SITE_PAGE], {}).findings
    assert finding.well is None
    assert "no edge" in finding.description
    [finding] = with_sites(Host("x:y", (), True, "x"), [], {}).findings
    assert "name one by --site" in finding.description


def test_a_factory_is_served(hosts: Path) -> None:
    """For its sites, as by `uvicorn --factory`."""
    done = _python(
        hosts,
        *("telemetry", "check", "--json", "--host", "small.factory:application()"),
        *("--site", "alameda.ca.localhost:8000"),
        OTEL_TRACES_EXPORTER="console",
    )
    assert done.returncode == 0, done.stdout + done.stderr
    [*_, site] = json.loads(done.stdout)["host"]["findings"]
    assert site["description"] == "alameda.ca.localhost:8000/ has the site alameda.ca"


def test_a_host_that_is_imported_for_too_long_is_left(tmp_path: Path) -> None:
    """With the place where it is. A database that does not answer is such a host."""
    (tmp_path / "hanging.py").write_text("import threading\nthreading.Event().wait()\n")
    code = (
        "import sys; from telemetry.commands.check import inspection; inspection.LIMIT = 0.2; "
        "sys.path.insert(0, '.'); inspection.main(['hanging:application', 'result.json'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=clean_environment(), timeout=90
    )
    assert done.returncode == 0
    found = json.loads((tmp_path / "result.json").read_text())
    assert found == {
        "error": "'hanging:application': not imported within 0.2 s (hanging.py, line 2)"
    }


def test_a_program_that_the_host_starts_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has the output of the host, and would run on: no exit handler ends it."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        program = (
            f"import socket; s = socket.create_connection({listener.getsockname()!r}); "
            "print(flush=True); s.recv(1)"
        )
        (tmp_path / "starting.py").write_text(
            f"import subprocess, sys\ncommand = [sys.executable, '-c', {program!r}]\n"
            "started = subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=False)\n"
            "started.stdout.readline()\n"
            "async def application(scope, receive, send): pass\n"
        )
        monkeypatch.syspath_prepend(tmp_path)
        host = look_at("starting:application", dict(os.environ))
        assert not host.has_edge
        listener.settimeout(60)
        with closing(listener.accept()[0]) as connection:
            connection.settimeout(60)
            assert connection.recv(1) == b""


def test_a_host_that_ends_the_process_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With what it printed."""
    (tmp_path / "ending.py").write_text("import os\nprint('planted', flush=True)\nos._exit(3)\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(HostError, match=r"(?s)ended with 3\..*planted"):
        look_at("ending:application", dict(os.environ))
