"""A host that initialises Sentry's SDK itself: its client is used, and its events are linked."""

from __future__ import annotations

import json
from collections import Counter
from contextlib import ExitStack, contextmanager
from textwrap import dedent
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from sentry_sdk import Client

from telemetry.errors.sentry.host_client import personal_data
from telemetry.testing import EventReceiver, OTLPReceiver
from tests.support import web
from tests.support.environment import clean_environment
from tests.support.servers import Server, serve_gunicorn, serve_uvicorn
from tests.telemetry.errors.sentry.programs import START, printed, run_program

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from telemetry.testing import ReceivedErrorEvent, ReceivedSpan

APP = "tests.telemetry.errors.sentry.sentry_host:application"
TRACE_URL = "https://traces.example.org/trace/{trace_id}"
SITE = {"Host": "alameda.ca.localhost"}
STARTED = "the host has initialised sentry_sdk"


class Failure(NamedTuple):
    """A request of which one event is expected, with its title."""

    path: str
    title: str
    route: str | None
    headers: Mapping[str, str] = {}
    site: str | None = None
    status: int = 500


FAILURES = (
    Failure("/async/1/?q=typed", "async view", "/async/{number}/"),
    Failure("/sync/", "sync view", "/sync/"),
    Failure("/logged/", "logged", "/logged/", status=200),
    Failure("/captured/", "captured", "/captured/", status=200),
    Failure("/threaded/", "thread", "/threaded/", status=200),
    Failure("/-/fails", "route of a plugin", "/-/fails", SITE, "alameda.ca"),
    Failure("/", "router", None, {"Host": "broken.localhost"}, "broken"),
)


class Served:
    """A host that was served, visited and stopped."""

    def __init__(
        self,
        init: str,
        *,
        sentry_dsn: bool,
        gunicorn: bool = False,
        middleware: bool = False,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        self.init, self.sentry_dsn, self.gunicorn = init, sentry_dsn, gunicorn
        with ExitStack() as stack:
            self.hosts, self.ours = (stack.enter_context(EventReceiver()) for _ in range(2))
            with OTLPReceiver() as self.receiver:
                env = clean_environment(
                    INIT=init,
                    HOST_DSN=self.hosts.dsn,
                    OTEL_EXPORTER_OTLP_ENDPOINT=self.receiver.url,
                    TELEMETRY_TRACE_URL=TRACE_URL,
                    TELEMETRY_RAISE_FAILURES="1",
                    TELEMETRY_SHUTDOWN_TIMEOUT="20s",
                    OPTIONS=json.dumps(options or {}),
                    **({"MIDDLEWARE": "1"} if middleware else {}),
                    **({"SENTRY_DSN": self.ours.dsn} if sentry_dsn else {}),
                )
                with _serve(env, gunicorn=gunicorn) as server:
                    if init == "request":
                        web.get(server.url + "/late/")
                    self.answers = {
                        f.title: web.get(server.url + f.path, headers=f.headers) for f in FAILURES
                    }
                    self.home = web.get(server.url + "/")
                    self.page = web.get(server.url + "/_memory", headers=SITE)
                    server.stop()
                    self.output = server.output()

    @property
    def spans(self) -> list[ReceivedSpan]:
        return self.receiver.spans

    @property
    def servers(self) -> list[ReceivedSpan]:
        return [span for span in self.spans if span.kind == "SERVER"]

    def trace_id(self, title: str) -> str:
        return str(self.answers[title].headers["traceresponse"]).split("-")[1]

    def event(self, title: str) -> ReceivedErrorEvent:
        [found] = [event for event in self.hosts.events if title_of(event) == title]
        return found


def title_of(event: ReceivedErrorEvent) -> str:
    return event.exceptions[-1][1] if event.exceptions else str(event.message)


@contextmanager
def _serve(env: dict[str, str], *, gunicorn: bool) -> Iterator[Server]:
    if gunicorn:
        with serve_gunicorn(APP, env=env, workers=1, preload=True) as server:
            yield server
    else:
        with serve_uvicorn(APP, env=env) as server:
            yield server


# When it is initialised, whether SENTRY_DSN is set, and whether gunicorn forks a worker afterwards.
CASES = [
    ("before configure", False, False),
    ("before configure", True, True),
    ("after configure", True, False),
    ("lifespan", False, False),
    ("request", True, False),
    ("request", False, False),
]


@pytest.fixture(scope="module", params=CASES, ids=str)
def served(request: pytest.FixtureRequest) -> Served:
    init, sentry_dsn, gunicorn = request.param
    return Served(init, sentry_dsn=sentry_dsn, gunicorn=gunicorn)


def test_each_failure_is_one_event_of_the_hosts_client(served: Served) -> None:
    """Whether an integration of Sentry's reports it or only telemetry sees it."""
    titles = [title_of(event) for event in served.hosts.events]
    assert Counter(titles) == dict.fromkeys((failure.title for failure in FAILURES), 1)
    assert served.ours.requests == [], "there is no second client"
    assert {f.title: served.answers[f.title].status_code for f in FAILURES} == {
        f.title: f.status for f in FAILURES
    }


def test_each_event_has_its_trace_and_its_tags(served: Served) -> None:
    """The ids of the SERVER span, or of a span beneath it; the site; the route; the link."""
    for failure in FAILURES:
        event = served.event(failure.title)
        trace_id = served.trace_id(failure.title)
        assert event.contexts["trace"]["trace_id"] == trace_id
        assert event.span_id in {s.span_id for s in served.spans if s.trace_id == trace_id}
        assert event.tags.get("corkboard.site") == failure.site
        assert event.tags.get("http.route") == failure.route
        assert event.transaction == (failure.route or "")
        assert event.contexts["links"] == {"trace": TRACE_URL.replace("{trace_id}", trace_id)}


def test_each_span_has_its_event(served: Served) -> None:
    """By id, and by the address of the host's project, not of the variable's."""
    for failure in FAILURES:
        event = served.event(failure.title)
        [span] = [s for s in served.servers if s.trace_id == served.trace_id(failure.title)]
        assert span.attributes["corkboard.error.event_ids"] == [event.event_id]
        assert span.attributes["corkboard.error.url"] == (
            f"{served.hosts.url}/issues/1/?q=trace:{event.contexts['trace']['trace_id']}"
        )


def test_the_events_are_what_the_hosts_settings_make_them(served: Served) -> None:
    """Its release, its integrations' contents, and personal data where it asks for them."""
    assert {event.release for event in served.hosts.events} == {"host-release"}
    request = served.event("async view").raw["request"]
    assert request["query_string"] == "q=typed"
    assert request["env"] == {"REMOTE_ADDR": "127.0.0.1"}
    assert "fingerprint" not in served.event("async view").raw
    # No integration of Sentry's sees this one.
    route = served.event("route of a plugin").raw
    assert route["request"] == {"method": "GET", "url": "http://alameda.ca.localhost/-/fails"}
    assert route["fingerprint"][0] == ".LookupError"


def test_its_transactions_stay_and_continue_the_trace(served: Served) -> None:
    """One for each request of Django, with its spans; a child of the SERVER span."""
    transactions = [
        item.payload
        for envelope in served.hosts.envelopes
        for item in envelope.items
        if item.type == "transaction"
    ]
    expected = Counter(f.route for f in FAILURES if f.status == 200 or "view" in f.title)
    expected["/"] = 1
    assert Counter(t["transaction"] for t in transactions) == expected
    servers = {span.trace_id: span.span_id for span in served.servers}
    for transaction in transactions:
        found = transaction["contexts"]["trace"]
        assert servers[found["trace_id"]] == found["parent_span_id"]
        assert {span["trace_id"] for span in transaction["spans"]} == {found["trace_id"]}
    headers = [
        envelope.headers["trace"]["trace_id"]
        for envelope in served.hosts.envelopes
        if envelope.items[0].type == "transaction"
    ]
    assert headers == [t["contexts"]["trace"]["trace_id"] for t in transactions]


def test_start_up_names_what_sends_personal_data(served: Served) -> None:
    """Once in a process, without a DSN; and says what became of SENTRY_DSN."""
    [line, *others] = [line for line in served.output.splitlines() if STARTED in line]
    # gunicorn's main process sends its own log records when it ends.
    assert len(others) <= served.gunicorn
    assert "send_default_pii=True" in line
    assert "include_local_variables=True" in line
    assert "max_request_body_size='medium'" in line
    assert "max_breadcrumbs=100" in line
    replaced = served.sentry_dsn and served.init == "request"
    assert ("It has replaced the client" in line) is replaced
    unused = served.sentry_dsn and not replaced
    assert ("SENTRY_DSN differs from its DSN and is not used" in line) is unused
    for dsn in (served.hosts.dsn, served.ours.dsn):
        assert dsn.partition("@")[0] not in served.output


OTHER_OPTIONS: Mapping[str, Mapping[str, Any]] = {
    "a stream of spans": {"trace_lifecycle": "stream"},
    "profiles and logs": {
        "profiles_sample_rate": 1.0,
        "profile_session_sample_rate": 1.0,
        "enable_logs": True,
    },
    "no integrations": {"default_integrations": False, "auto_enabling_integrations": False},
    "no tracing": {"traces_sample_rate": None},
}


@pytest.mark.parametrize("name", OTHER_OPTIONS)
def test_other_options_of_the_host(name: str) -> None:
    """Each failure is one event with the trace of its request."""
    served = Served("before configure", sentry_dsn=True, options=OTHER_OPTIONS[name])
    unseen = {"logged"} if name == "no integrations" else set()
    titles = Counter(title_of(event) for event in served.hosts.events)
    assert titles == {failure.title: 1 for failure in FAILURES if failure.title not in unseen}
    for failure in FAILURES:
        if failure.title in unseen:
            continue
        event = served.event(failure.title)
        assert event.contexts["trace"]["trace_id"] == served.trace_id(failure.title)
        assert event.tags.get("http.route") == failure.route
    if name == "a stream of spans":
        _assert_spans_continue_the_traces(served)
    assert {span.trace_id for span in served.servers} >= set(map(served.trace_id, titles))
    assert len({span.span_id for span in served.servers}) == len(FAILURES) + 2


def _assert_spans_continue_the_traces(served: Served) -> None:
    """Sentry's spans are sent one by one; the first of each is a child of the SERVER span."""
    spans = [
        span
        for envelope in served.hosts.envelopes
        for item in envelope.items
        if item.type == "span"
        for span in item.payload["items"]
    ]
    assert not [each for each in served.hosts.item_types if each == "transaction"]
    servers = {span.trace_id: span.span_id for span in served.servers}
    assert spans
    assert {span["trace_id"] for span in spans} <= servers.keys()
    ids = {span["span_id"] for span in spans}
    outer = [span for span in spans if span.get("parent_span_id") not in ids]
    assert {span["parent_span_id"] for span in outer} <= set(servers.values())


@pytest.mark.parametrize("init", ["AppConfig.ready", "asgi.py"])
def test_other_places_of_the_call(init: str) -> None:
    """Beneath the edge, Sentry's own middleware changes nothing of that."""
    served = Served(init, sentry_dsn=False, middleware=True)
    titles = Counter(title_of(event) for event in served.hosts.events)
    assert titles == {failure.title: 1 for failure in FAILURES}
    for failure in FAILURES:
        event = served.event(failure.title)
        assert event.contexts["trace"]["trace_id"] == served.trace_id(failure.title)
        assert event.tags.get("corkboard.site") == failure.site


@pytest.mark.parametrize("options", [{"drop": True}, {"sample_rate": 0.0}], ids=str)
def test_an_event_that_the_host_drops_has_no_id_on_its_span(options: Mapping[str, Any]) -> None:
    """The span would refer to an event that does not exist."""
    served = Served("before configure", sentry_dsn=False, options=options)
    assert served.hosts.events == []
    assert len(served.servers) == len(FAILURES) + 2
    for span in served.servers:
        assert "corkboard.error.event_ids" not in span.attributes
        assert "corkboard.error.url" not in span.attributes
    assert "event " not in served.answers["router"].text


def test_a_program_may_initialise_it_after_its_errors_are_reported(
    tmp_path: Path, errors: EventReceiver
) -> None:
    """As manage.py does, whose settings come last. The exception that ends it is one event."""
    code = f"""
    from opentelemetry import trace
    import sentry_sdk
    sentry_sdk.init({errors.dsn!r}, send_default_pii=False)
    with trace.get_tracer("program").start_as_current_span("work") as span:
        print(f"{{span.get_span_context().trace_id:032x}}")
        sentry_sdk.capture_message("inside")
    sentry_sdk.capture_message("outside")
    1 / 0
    """
    with OTLPReceiver() as receiver:
        done = run_program(
            tmp_path, "", code, OTEL_EXPORTER_OTLP_ENDPOINT=receiver.url, SENTRY_DSN=""
        )
    assert done.returncode == 1
    inside, outside, ending = errors.events
    assert inside.trace_id == done.stdout.strip()
    assert outside.trace_id not in ("", inside.trace_id)
    assert [kind for kind, _ in ending.exceptions] == ["ZeroDivisionError"]
    assert done.stderr.count(STARTED) == 1
    assert "send_default_pii" not in done.stderr.partition(STARTED)[2].splitlines()[0]


HOSTS = "import sentry_sdk\nsentry_sdk.init(OWN, {options})\n"


def _run(
    folder: Path, code: str, *, ours: str = "", options: str = "", first: bool = True
) -> tuple[subprocess.CompletedProcess[str], EventReceiver]:
    """Run a program with a client of its own, initialised before configure() or after."""
    with EventReceiver() as own:
        init = f"OWN = {own.dsn!r}\n" + HOSTS.format(options=options)
        start = init + START if first else START
        done = run_program(
            folder,
            ours,
            ("" if first else init) + dedent(code),
            start=start,
            OTEL_TRACES_EXPORTER="console",
            TELEMETRY_CONSOLE="off",
        )
        return done, own


def test_no_second_client_is_started(tmp_path: Path, errors: EventReceiver) -> None:
    """With SENTRY_DSN too: the host's client stays, and a flush waits for its events."""
    code = """
    client = sentry_sdk.get_client()
    print(client.dsn == OWN)
    sentry_sdk.capture_message("own")
    print(telemetry.flush())
    """
    done, own = _run(tmp_path, code, ours=errors.dsn)
    assert printed(done) == ["True", "0"]
    assert [event.message for event in own.events] == ["own"]
    assert errors.requests == []


def test_what_waits_in_a_client_that_is_replaced_is_sent(
    tmp_path: Path, errors: EventReceiver
) -> None:
    """And what comes later goes to the other project."""
    code = """
    from opentelemetry import trace
    sentry_sdk.capture_message("later")
    print(list(sentry_sdk.get_current_scope().iter_trace_propagation_headers()) != [])
    """
    with EventReceiver() as own:
        start = START + 'import logging\nlogging.getLogger("host").error("earlier")\n'
        init = f"import sentry_sdk\nsentry_sdk.init({own.dsn!r})\n"
        done = run_program(tmp_path, errors, init + dedent(code), start=start)
    assert printed(done) == ["True"]
    assert [event.message for event in errors.events] == ["earlier"]
    assert [event.message for event in own.events] == ["later"]
    assert "It has replaced the client" in done.stderr


def test_a_client_without_a_dsn_is_none(tmp_path: Path, errors: EventReceiver) -> None:
    """It sends nothing, so SENTRY_DSN is used."""
    start = "import sentry_sdk\nsentry_sdk.init(dsn='')\n"
    done = run_program(tmp_path, errors, "sentry_sdk.capture_message('ours')", start=start + START)
    assert [event.message for event in errors.events] == ["ours"]
    assert STARTED not in done.stderr


def test_what_the_host_drops_is_dropped(tmp_path: Path) -> None:
    """Its before_send is asked once, with the trace in the event."""
    options = "before_send=lambda event, hint: print(event['contexts']['trace']['trace_id'])"
    code = """
    from opentelemetry import trace
    with trace.get_tracer("program").start_as_current_span("work") as span:
        print(f"{span.get_span_context().trace_id:032x}")
        1 / 0
    """
    done, own = _run(tmp_path, code, options=options)
    trace_id, asked = done.stdout.split()
    assert asked == trace_id
    assert own.events == []


def test_what_the_host_captures_itself_is_kept(tmp_path: Path) -> None:
    """Also the cause of another failure, which telemetry's own client would not send twice."""
    code = """
    try:
        try:
            raise ValueError("first")
        except ValueError as error:
            sentry_sdk.capture_exception(error)
            raise LookupError("second") from error
    except LookupError as error:
        sentry_sdk.capture_exception(error)
        import logging
        logging.getLogger("host").exception("and logged")
    """
    done, own = _run(tmp_path, code)
    assert printed(done) == []
    assert [event.exceptions[-1][1] for event in own.events] == ["first", "second"]


def test_errors_of_exporters_are_no_events(tmp_path: Path) -> None:
    """The host had none before; those of its own loggers are events."""
    code = """
    import logging
    logging.getLogger("opentelemetry.exporter.otlp").error("unreachable")
    logging.getLogger("django.security.DisallowedHost").error("security")
    """
    for first in (True, False):
        done, own = _run(tmp_path, code, first=first)
        printed(done)
        assert [event.message for event in own.events] == ["security"]


def test_the_hosts_outgoing_headers_stay(tmp_path: Path) -> None:
    """With a propagation context of telemetry, the SDK would add none."""
    code = "print(*dict(sentry_sdk.get_current_scope().iter_trace_propagation_headers()))"
    done, _ = _run(tmp_path, code)
    assert printed(done) == ["sentry-trace baggage"]


def test_what_nothing_is_said_of_is_not_kept(tmp_path: Path) -> None:
    """A client that the host has wrapped itself: its exceptions are freed when they are sent."""
    code = """
    import gc, weakref
    client = sentry_sdk.get_client()
    own = client.capture_event
    client.capture_event = lambda *args, **kwargs: own(*args, **kwargs)

    class Planted(Exception):
        pass

    def fail():
        try:
            raise Planted
        except Planted as error:
            sentry_sdk.capture_exception(error)
            return weakref.ref(error)

    raised = [fail() for _ in range(3)]
    sentry_sdk.flush(60)
    gc.collect()
    # The SDK may keep the last one.
    print([each() for each in raised[:2]])
    """
    done, own = _run(tmp_path, code, first=False)
    assert printed(done) == ["[None, None]"]
    assert dict(own.item_types)["event"] == 3


def test_a_host_can_redact_as_telemetry_does(tmp_path: Path) -> None:
    """Events and transactions, which are otherwise what they were."""
    options = (
        "traces_sample_rate=1.0, send_default_pii=True, send_client_reports=False, "
        "before_send=__import__('telemetry').redact_event, "
        "before_send_transaction=__import__('telemetry').redact_event"
    )
    code = """
    with sentry_sdk.start_transaction(name="work", op="task") as transaction:
        print(transaction.trace_id)
        with sentry_sdk.start_span(op="part", name="SELECT 'planted-secret'"):
            scope = sentry_sdk.get_isolation_scope()
            address, mail = ".".join(("192", "0", "2", "1")), "@".join(("planted", "example.org"))
            scope.set_user({"ip_address": address, "email": mail})
            planted = {"password": "-".join(("planted", "password"))}
            sentry_sdk.capture_message(f"mail to {mail}")
            try:
                1 / 0
            except ZeroDivisionError as error:
                sentry_sdk.capture_exception(error)
    """
    done, own = _run(tmp_path, code, options=options)
    [trace_id] = printed(done)
    assert dict(own.item_types) == {"event": 2, "transaction": 1}
    sent = [item.payload for envelope in own.envelopes for item in envelope.items]
    for secret in ("planted@", "planted-password", "192.0.2.1"):
        assert secret not in repr(sent)
    transaction = sent[-1]
    assert transaction["contexts"]["trace"]["trace_id"] == trace_id
    # On a busy machine there is a span of the SDK's own request, which sends the first event.
    spans = [span for span in transaction["spans"] if span["op"] != "http.client"]
    assert [(span["op"], span["trace_id"]) for span in spans] == [("part", trace_id)]


def test_a_client_without_personal_data_is_no_warning(tmp_path: Path) -> None:
    """One line of the level INFO names it."""
    options = "include_local_variables=False, max_request_body_size='never', max_breadcrumbs=0"
    code = """
    import logging
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s")
    sentry_sdk.capture_message("own")
    """
    done, own = _run(tmp_path, code, options=options, first=False)
    assert [event.message for event in own.events] == ["own"]
    [line] = [line for line in done.stderr.splitlines() if STARTED in line]
    assert line.startswith("INFO ")
    assert "personal data" not in line


def test_a_release_of_sentrys_sdk_without_two_names_sends_events_all_the_same(
    tmp_path: Path, errors: EventReceiver
) -> None:
    """Telemetry's client is replaced, and what ends the program is an event with its name."""
    start = """
import sentry_sdk.integrations.logging
del sentry_sdk.utils.event_from_exception
del sentry_sdk.scope.register_external_propagation_context
"""
    with EventReceiver() as own:
        code = f"""
        sentry_sdk.init({own.dsn!r}, default_integrations=False)
        raise LookupError("planted")
        """
        done = run_program(tmp_path, errors, code, start=start + START, name="nightly.py")
    [event] = own.events
    assert event.exceptions == (("LookupError", "planted"),)
    assert (event.transaction, event.tags["caught.by"]) == ("nightly.py", "sys.excepthook")
    assert errors.requests == []
    assert "It has replaced the client" in done.stderr
    for name in ("event_from_exception", "register_external_propagation_context"):
        assert done.stderr.count(name) == 1


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (
            {},
            [
                "include_local_variables=True",
                "max_request_body_size='medium'",
                "max_breadcrumbs=100",
            ],
        ),
        (
            {
                "include_local_variables": False,
                "max_request_body_size": "never",
                "max_breadcrumbs": 0,
            },
            [],
        ),
        (
            {
                "include_local_variables": False,
                "max_request_body_size": "always",
                "max_breadcrumbs": 5,
                "enable_logs": True,
            },
            ["max_request_body_size='always'", "max_breadcrumbs=5", "enable_logs=True"],
        ),
        (
            {
                "data_collection": {
                    "user_info": False,
                    "cookies": {"mode": "off"},
                    "http_headers": {"request": {"mode": "off"}},
                    "http_bodies": [],
                    "url_query_params": {"mode": "off"},
                    "database_query_data": False,
                    "queues": False,
                    "stack_frame_variables": False,
                },
                "max_breadcrumbs": 0,
                "max_request_body_size": "never",
            },
            [],
        ),
        # An older option, which also turns off the bodies of the newer one.
        (
            {
                "data_collection": {"user_info": False, "http_bodies": ["incoming_request"]},
                "max_breadcrumbs": 0,
                "max_request_body_size": "never",
            },
            [
                (
                    "data_collection (cookies, http_headers, url_query_params, "
                    "database_query_data, queues, stack_frame_variables)"
                )
            ],
        ),
        (
            {
                "data_collection": {
                    "cookies": {"mode": "off"},
                    "url_query_params": {"mode": "off"},
                    "database_query_data": False,
                    "queues": False,
                    "stack_frame_variables": False,
                },
                "max_breadcrumbs": 0,
            },
            [
                "data_collection (user_info, http_headers, http_bodies)",
                "max_request_body_size='medium'",
            ],
        ),
    ],
)
def test_options_that_send_personal_data(options: dict[str, Any], named: list[str]) -> None:
    """Of a real client, which fills in the defaults; as Sentry spells them."""
    client = Client(default_integrations=False, auto_enabling_integrations=False, **options)
    assert [text.partition(" (log")[0] for text in personal_data(client.options)] == named
