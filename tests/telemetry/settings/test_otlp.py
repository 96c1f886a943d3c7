"""The OTEL_EXPORTER_OTLP_* variables."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.telemetry.settings.reading import problems, read, wrong

if TYPE_CHECKING:
    from pathlib import Path

    from telemetry.settings.model import Signal


def test_the_base_address_gets_each_signals_path() -> None:
    """As the specification says, with or without a slash at its end."""
    settings = read(OTEL_EXPORTER_OTLP_ENDPOINT="http://collector:4318/base/")
    assert {s: o.endpoint for s, o in settings.otlp.items()} == {
        "traces": "http://collector:4318/base/v1/traces",
        "metrics": "http://collector:4318/base/v1/metrics",
        "logs": "http://collector:4318/base/v1/logs",
    }


def test_defaults_are_the_specifications() -> None:
    """http/protobuf, not the gRPC that a plain `otlp` means in the stock configurator."""
    otlp = read(OTEL_TRACES_EXPORTER="otlp").otlp["traces"]
    assert (otlp.protocol, otlp.endpoint) == ("http/protobuf", "http://localhost:4318/v1/traces")
    grpc = read(OTEL_TRACES_EXPORTER="otlp", OTEL_EXPORTER_OTLP_PROTOCOL="gRPC").otlp["traces"]
    assert (grpc.protocol, grpc.endpoint) == ("grpc", "http://localhost:4317")


def test_a_signals_own_variable_wins() -> None:
    """For every kind of value."""
    settings = read(
        OTEL_EXPORTER_OTLP_ENDPOINT="http://collector:4318",
        OTEL_EXPORTER_OTLP_HEADERS="X-One=1,x-two=a%20b",
        OTEL_EXPORTER_OTLP_TRACES_HEADERS="x-three=3",
        OTEL_EXPORTER_OTLP_COMPRESSION="gzip",
        OTEL_EXPORTER_OTLP_LOGS_COMPRESSION="none",
        OTEL_EXPORTER_OTLP_TIMEOUT="3",
        OTEL_EXPORTER_OTLP_METRICS_TIMEOUT="0.5",
    )
    assert dict(settings.otlp["logs"].headers) == {"x-one": "1", "x-two": "a b"}
    assert dict(settings.otlp["traces"].headers) == {"x-three": "3"}
    assert settings.otlp["traces"].compression == "gzip"
    assert settings.otlp["logs"].compression == "none"
    assert settings.otlp["metrics"].timeout == 0.5
    assert settings.otlp["logs"].timeout == 3


@pytest.mark.parametrize(
    "endpoint",
    [
        "collector:4318",
        "ftp://collector",
        "http://",
        "http://c:port",
        "http://c:70000",
        "http://a b",
    ],
)
def test_a_malformed_endpoint_is_an_error(endpoint: str) -> None:
    """Named with the value and an example of what was wanted."""
    (problem, *_) = problems(OTEL_EXPORTER_OTLP_ENDPOINT=endpoint)
    assert problem.variable == "OTEL_EXPORTER_OTLP_ENDPOINT"
    assert problem.given == endpoint
    assert "http://localhost:4318" in problem.wanted


def test_grpc_takes_an_address_without_a_scheme() -> None:
    """Its own form, which Python's exporter knows."""
    environ = {"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}
    settings = read(OTEL_EXPORTER_OTLP_ENDPOINT="collector:4317", **environ)
    assert settings.otlp["traces"].endpoint == "collector:4317"
    assert wrong(OTEL_EXPORTER_OTLP_ENDPOINT="collector:none", **environ)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json"),
        ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "grcp"),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "brotli"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "soon"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "0"),
        ("OTEL_EXPORTER_OTLP_CERTIFICATE", "/no/such/certificate"),
    ],
)
def test_a_value_that_cannot_be_used_is_an_error(variable: str, value: str) -> None:
    """By the name of the variable that was set."""
    names = wrong(OTEL_TRACES_EXPORTER="otlp", **{variable: value})
    assert names == [variable]


@pytest.mark.parametrize("value", ["sesame", "=sesame", "bad name=sesame", "a=b%0D%0Ac: sesame"])
def test_a_malformed_header_list_is_an_error_that_keeps_the_secret(value: str) -> None:
    """Headers hold tokens: the message counts the items and repeats none."""
    given = {"OTEL_TRACES_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_HEADERS": f"x-ok=1,{value}"}
    (problem,) = problems(**given)
    assert problem.variable == "OTEL_EXPORTER_OTLP_HEADERS"
    assert "item 2" in problem.wanted
    assert "sesame" not in str(problem)


def test_a_batch_is_cut_to_its_queue_and_a_note_says_so() -> None:
    """The SDK's processors raise for it. For spans and for log records."""
    forms: tuple[tuple[str, Signal], ...] = (("BSP", "traces"), ("BLRP", "logs"))
    for form, signal in forms:
        settings = read(
            **{f"OTEL_{form}_MAX_QUEUE_SIZE": "100"},
            OTEL_EXPORTER_OTLP_ENDPOINT="http://localhost:4318",
        )
        assert settings.queue(signal).max_batch == settings.queue(signal).max_size == 100
        [note] = settings.notes
        assert note == (
            f"OTEL_{form}_MAX_EXPORT_BATCH_SIZE is 512 and OTEL_{form}_MAX_QUEUE_SIZE is 100: "
            "an export has at most 100 items"
        )


def test_an_unknown_status_code_of_grpc_is_an_error() -> None:
    """The SDK raises a KeyError for it, in the worker."""
    variable = "OTEL_PYTHON_EXPORTER_OTLP_GRPC_RETRYABLE_ERROR_CODES"
    [problem] = problems(**{variable: "UNAVAILABLE,AWAY"})
    assert problem.variable == variable
    assert problem.given == "UNAVAILABLE,AWAY"
    assert "UNAVAILABLE" in problem.wanted


@pytest.mark.parametrize(
    ("endpoint", "address"),
    [
        ("http://h:4318/?k=v", "http://h:4318/v1/{}?k=v"),
        ("http://h:4318?k=v", "http://h:4318/v1/{}?k=v"),
        ("http://h/base/?k=v&w=", "http://h/base/v1/{}?k=v&w="),
        ("http://h:4318//", "http://h:4318/v1/{}"),
        ("HTTP://H:4318", "http://H:4318/v1/{}"),
        ("http://[::1]:4318", "http://[::1]:4318/v1/{}"),
        ("http://user:pa%40ss@h:4318/", "http://h:4318/v1/{}"),
        ("http://bücher.example", "http://bücher.example/v1/{}"),
    ],
)
def test_a_base_address_is_right_for_all_signals(endpoint: str, address: str) -> None:
    """The path is appended to its path, wherever that ends."""
    otlp = read(OTEL_EXPORTER_OTLP_ENDPOINT=endpoint).otlp
    assert {s: o.endpoint for s, o in otlp.items()} == {
        signal: address.format(signal) for signal in ("traces", "metrics", "logs")
    }


@pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
def test_a_user_in_the_address_is_a_header(protocol: str) -> None:
    """RFC 7617, percent-decoded. What sends has no use for it in the address."""
    environ = {"OTEL_EXPORTER_OTLP_PROTOCOL": protocol}
    endpoint = "http://user:pa%40ss@h:4318"
    traces = read(OTEL_EXPORTER_OTLP_ENDPOINT=endpoint, **environ).otlp["traces"]
    # printf 'user:pa@ss' | base64
    assert dict(traces.headers) == {"authorization": "Basic dXNlcjpwYUBzcw=="}
    assert "user" not in traces.endpoint
    both = read(
        OTEL_EXPORTER_OTLP_ENDPOINT=endpoint,
        OTEL_EXPORTER_OTLP_HEADERS="Authorization=Bearer%20t",
        **environ,
    )
    assert dict(both.otlp["traces"].headers) == {"authorization": "Bearer t"}
    (note,) = both.notes
    assert note.startswith("OTEL_EXPORTER_OTLP_ENDPOINT has a user, which is not sent: ")
    assert note.endswith("OTEL_EXPORTER_OTLP_HEADERS has an authorization")


@pytest.mark.parametrize("variable", ["ENDPOINT", "TRACES_ENDPOINT"])
@pytest.mark.parametrize(
    "endpoint",
    [
        "http://h:4318/#part",
        "http://h:4318#",
        "h:4318",
        "//h:4318",
        "http:h:4318",
        "::1",
        "[::1]:4318",
        "http://::1:4318",
        "http://[::1",
        "http://[not-an-address]:4318",
        "http://h:",
        "http://h:0",
        "http://h:4318\\v1",
        "http://h\x00/",
        "http://-h/",
        "http://h..example/",
        "unix:/run/otel.sock",
        "unix:///run/otel.sock",
        "file:///run/otel",
        "localhost",
    ],
)
def test_an_address_that_would_fail_later_is_an_error(variable: str, endpoint: str) -> None:
    """By the name of its variable, for HTTP."""
    name = f"OTEL_EXPORTER_OTLP_{variable}"
    (problem,) = problems(**{name: endpoint})
    assert (problem.variable, problem.given) == (name, endpoint)
    assert "http://localhost:4318" in problem.wanted


@pytest.mark.parametrize(
    ("endpoint", "address"),
    [
        ("http://h:4317/", "http://h:4317"),
        ("h:4317/", "h:4317"),
        ("[::1]:4317", "[::1]:4317"),
        ("https://h", "https://h"),
        ("user:pass@h:4317", "h:4317"),
        ("http://h:4317/v1/traces", None),
        ("http://h:4317/?k=v", None),
        ("h:4317?k=v", None),
        ("http://h:4317#part", None),
        ("::1", None),
        ("unix:///run/otel.sock", None),
        ("unix:/run/otel.sock", None),
        ("dns:///h:4317", None),
        ("h:", None),
        ("h:x", None),
    ],
)
def test_an_address_for_grpc_has_no_path(endpoint: str, address: str | None) -> None:
    """gRPC would ignore it, and a query too; a target of another form is not known to all."""
    environ = {"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc", "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint}
    if address is None:
        (problem,) = problems(**environ)
        assert problem.variable == "OTEL_EXPORTER_OTLP_ENDPOINT"
    else:
        assert {otlp.endpoint for otlp in read(**environ).otlp.values()} == {address}


@pytest.mark.parametrize(
    ("value", "item", "why"),
    [
        ('x-a="sesame"', 1, "has a character to percent-encode"),
        ("x-a=ses;ame", 1, "has a character to percent-encode"),
        ("x-a=ses\\ame", 1, "has a character to percent-encode"),
        ("x-a=sésame", 1, "has a character to percent-encode"),
        ("x-a=ses%E2%82%ACame", 1, "has a character that no header has"),
        ("x-a=ses%00ame", 1, "has a character that no header has"),
        ("x-ok=1,sesame", 2, "has no key or no '='"),
        ("x-a=1,x-b=2,X-A=sesame", 3, "is there before"),
        ("x a=sesame", 1, "is not a header's"),
        ("x-a=ses%0Aame", 1, "breaks the line"),
    ],
)
def test_a_header_that_can_not_be_sent_is_an_error(value: str, item: int, why: str) -> None:
    """For any exporter and protocol, without the value."""
    for variable in ("OTEL_EXPORTER_OTLP_HEADERS", "OTEL_EXPORTER_OTLP_LOGS_HEADERS"):
        (problem,) = problems(**{variable: value})
        assert problem.variable == variable
        assert f"item {item}" in problem.wanted
        assert problem.wanted.endswith(why)
        assert "same" not in str(problem)


@pytest.mark.parametrize(
    ("value", "sent"),
    [
        ("Authorization=Basic dXNlcjpwYXNz==", {"authorization": "Basic dXNlcjpwYXNz=="}),
        ("x-a=%22quoted%22,x-b=a%2Cb%3Bc", {"x-a": '"quoted"', "x-b": "a,b;c"}),
        ("x-a=caf%C3%A9", {"x-a": "café"}),
        (" x-a = 1 , ,x-b=,", {"x-a": "1", "x-b": ""}),
        ("x-a=50%", {"x-a": "50%"}),
    ],
)
def test_headers_are_decoded_once(value: str, sent: dict[str, str]) -> None:
    """By OpenTelemetry's rule, as the SDK does."""
    otlp = read(OTEL_TRACES_EXPORTER="otlp", OTEL_EXPORTER_OTLP_HEADERS=value).otlp
    assert dict(otlp["traces"].headers) == sent


@pytest.mark.parametrize(
    "header", ["x=sesam%C3%A9", "x-bin=sesame", "X-Bin=sesame", "x!y=sesame", "x=1,x'=sesame"]
)
def test_grpc_sends_ascii(header: str) -> None:
    """Its own exporter fails for anything else, for each batch."""
    environ = {"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc", "OTEL_EXPORTER_OTLP_HEADERS": header}
    (problem,) = problems(**environ)
    assert problem.variable == "OTEL_EXPORTER_OTLP_HEADERS"
    assert "sesam" not in str(problem)
    assert problem.wanted.endswith("values of ASCII, since the protocol is grpc")


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"])
def test_a_socks_proxy_needs_its_package_where_something_is_sent(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, variable: str
) -> None:
    """It may be set for other programs: a host that sends nothing starts."""
    known = {variable: "socks5://proxy:1080"}
    assert wrong(**known) == []
    assert wrong(**known, OTEL_EXPORTER_OTLP_ENDPOINT="http://collector:4318") == [variable]
    assert wrong(**known, SENTRY_DSN="http://key@tracker.example/1") == [variable]
    (tmp_path / "socks.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    assert wrong(**known, OTEL_EXPORTER_OTLP_ENDPOINT="http://collector:4318") == []


@pytest.mark.parametrize(
    ("proxy", "is_one"),
    [
        ("http://proxy:3128", True),
        ("HTTP://user:pass%40word@[::1]:3128/", True),
        ("proxy:3128", False),
        (" http://proxy:3128", False),
        ("http://proxy", False),
        ("https://proxy:3128", False),
        ("user:sesame@proxy:3128", False),
        ("ann%40x:sesame@proxy:3128", False),
        ("http://user:sesame@proxy:99999", False),
        ("http://user:sesame@proxy:3128/?k=^", False),
    ],
)
@pytest.mark.parametrize("variable", ["grpc_proxy", "https_proxy", "http_proxy"])
def test_the_proxy_of_grpc_is_one_that_it_can_use(variable: str, proxy: str, is_one: bool) -> None:
    """It ignores the others, and prints some with their password."""
    environ = {"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://h:1"}
    if is_one:
        otlp = read(**environ, **{variable: proxy}).otlp
        assert {each.grpc_proxy for each in otlp.values()} == {variable}
    else:
        (problem,) = problems(**environ, **{variable: proxy})
        assert problem.variable == variable
        assert "sesame" not in repr(problem)


def test_the_proxy_of_grpc_is_judged_where_it_is_used() -> None:
    """Not for a signal that is not exported, whose address has its default."""
    environ = {
        "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://collector.internal:4317",
        "https_proxy": "https://proxy:3128",
    }
    assert wrong(**environ) == ["https_proxy"]
    assert wrong(**environ, no_proxy=".internal") == []
    assert wrong(**environ, OTEL_SDK_DISABLED="true") == []
    assert wrong(**environ | {"OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"}) == []


@pytest.mark.parametrize(
    ("environ", "used"),
    [
        ({"grpc_proxy": "http://a:1", "https_proxy": "http://b:1"}, "grpc_proxy"),
        ({"https_proxy": "http://b:1", "http_proxy": "c:1"}, "https_proxy"),
        ({"grpc_proxy": "", "https_proxy": "http://b:1"}, None),
        ({"HTTPS_PROXY": "b:1", "ALL_PROXY": "a:1", "all_proxy": "a:1"}, None),
        ({"https_proxy": "b:1", "no_proxy": "10.0.0.0/8"}, None),
        ({"https_proxy": "b:1", "no_proxy": "other, 10.1.2.3"}, None),
        ({"https_proxy": "b:1", "no_grpc_proxy": "*"}, None),
        ({"https_proxy": "http://b:1", "no_grpc_proxy": "", "no_proxy": "*"}, "https_proxy"),
        ({"https_proxy": "http://b:1", "no_proxy": "10.9.0.0/16,x/8"}, "https_proxy"),
        ({"https_proxy": "http://b:1", "NO_PROXY": "*"}, "https_proxy"),
    ],
)
def test_the_proxy_of_grpc_is_found_by_its_rules(environ: dict[str, str], used: str | None) -> None:
    """The first that is there decides, even if it is empty; capital letters are not read."""
    grpc = {"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}
    for endpoint in ("http://10.1.2.3:4317", "10.1.2.3:4317"):
        otlp = read(OTEL_EXPORTER_OTLP_ENDPOINT=endpoint, **grpc, **environ).otlp
        assert {each.grpc_proxy for each in otlp.values()} == {used}


def test_a_client_s_key_and_certificate_belong_together(tmp_path: Path) -> None:
    """What OpenSSL would refuse when the first batch is sent."""
    garbage = tmp_path / "garbage.pem"
    garbage.write_text("no certificate")
    one, two = ("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", "OTEL_EXPORTER_OTLP_CLIENT_KEY")
    assert wrong(OTEL_EXPORTER_OTLP_CERTIFICATE=str(garbage)) == ["OTEL_EXPORTER_OTLP_CERTIFICATE"]
    assert wrong(**{two: str(garbage)}) == [one]
    assert wrong(**{one: str(garbage)}) == [two]
    assert wrong(**{one: str(garbage), two: str(garbage)}) == [two]
    grpc = {"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc", one: str(garbage)}
    (problem,) = problems(**grpc)
    assert (problem.variable, problem.wanted) == (two, f"the key of {one}")


def test_variables_of_otlp_are_judged_for_signals_that_do_not_use_it() -> None:
    """Or a value is found wrong on the day it is used."""
    assert wrong(OTEL_EXPORTER_OTLP_LOGS_TIMEOUT="soon") == ["OTEL_EXPORTER_OTLP_LOGS_TIMEOUT"]
    assert wrong(OTEL_SDK_DISABLED="true", OTEL_EXPORTER_OTLP_PROTOCOL="pigeon") == [
        "OTEL_EXPORTER_OTLP_PROTOCOL"
    ]


@pytest.mark.parametrize(
    ("given", "host"),
    [
        ("::1", "::1"),
        ("[::1]", "::1"),
        ("0.0.0.0", "0.0.0.0"),
        ("localhost", "localhost"),
        ("host_1.example.", "host_1.example."),
        ("[localhost]", None),
        ("1.2.3", None),
        ("localhost:9464", None),
        ("http://localhost", None),
        ("a b", None),
        ("-", None),
    ],
)
def test_the_address_that_prometheus_scrapes(given: str, host: str | None) -> None:
    """With or without brackets; a name that can't be one is an error."""
    variable = "OTEL_EXPORTER_PROMETHEUS_HOST"
    if host is None:
        assert wrong(**{variable: given}) == [variable]
    else:
        assert read(**{variable: given}).prometheus.host == host
