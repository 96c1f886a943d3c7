"""What is configured decides how items are sent, and not what lies about on the machine."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from telemetry.exceptions import ConfigurationError
from telemetry.export.http import HTTPClient
from telemetry.settings import read_settings
from tests.support.certificates import make_certificates, wanting_clients
from tests.support.odd_server import OddServer, answer
from tests.support.processes import refusing_port
from tests.telemetry.export.sending import sending

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def server() -> Iterator[OddServer]:
    with OddServer() as server:
        yield server


def test_a_netrc_file_replaces_no_header(
    server: OddServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`requests` by itself would send its password to the backend."""
    netrc = tmp_path / ".netrc"
    netrc.write_text("machine 127.0.0.1 login user password hunter2\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("HOME", str(tmp_path))
    made = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": server.url,
        "OTEL_EXPORTER_OTLP_HEADERS": "Authorization=Bearer sesame",
    }
    with sending(**made) as all_three:
        all_three.span("one")
        all_three.log("two")
        all_three.meter.create_counter("three").add(1)
        assert all_three.flush()
    assert len(server.requests) == 3
    assert {each.headers["authorization"] for each in server.requests} == {"Bearer sesame"}


def test_an_address_with_a_user_and_a_query(server: OddServer) -> None:
    """Each signal's path is before the query, and the user is a header."""
    host = server.url.removeprefix("http://")
    with sending(OTEL_EXPORTER_OTLP_ENDPOINT=f"http://user:pass@{host}/?k=v") as all_three:
        all_three.span("one")
        all_three.log("two")
        all_three.meter.create_counter("three").add(1)
        assert all_three.flush()
    assert {each.line for each in server.requests} == {
        f"POST /v1/{signal}?k=v HTTP/1.1" for signal in ("traces", "metrics", "logs")
    }
    # printf 'user:pass' | base64
    assert {each.headers["authorization"] for each in server.requests} == {"Basic dXNlcjpwYXNz"}


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
def test_a_proxy_is_used(server: OddServer, monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    """Where the variables of proxies name one, and NO_PROXY does not except the backend."""
    monkeypatch.setenv(variable, server.url)
    made = {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://backend.example/v1/traces"}
    with sending(**made) as traces:
        traces.span("one")
        assert traces.flush()
        assert traces.of("traces").delivered == 1
    [request] = server.requests
    assert request.line.startswith("POST http://backend.example/v1/traces")


def test_a_backend_can_be_excepted_from_the_proxy(
    server: OddServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By NO_PROXY, as every HTTP client has it."""
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{refusing_port()}")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with sending(OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=f"{server.url}/v1/traces") as traces:
        traces.span("one")
        assert traces.flush()
    [request] = server.requests
    assert request.line == "POST /v1/traces HTTP/1.1"


def test_a_proxy_that_does_not_answer_is_named(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Not the backend, which was never reached."""
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{refusing_port()}")
    made = {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://backend.example/v1/traces"}
    with sending(**made) as traces:
        traces.span("one")
        assert not traces.flush(0.5)
    assert "the proxy does not answer" in caplog.text


@pytest.mark.parametrize(
    "proxy", ["http://user:planted@host:99999", "some planted words", "socks9://planted@host:1"]
)
@pytest.mark.parametrize("variable", ["http_proxy", "ALL_PROXY", "all_proxy"])
def test_the_text_of_a_proxy_is_in_no_exception(
    monkeypatch: pytest.MonkeyPatch, variable: str, proxy: str
) -> None:
    """Not that of urllib3 either, where a variable has changed after it was judged."""
    with pytest.raises(ConfigurationError) as judged:
        read_settings({variable: proxy})
    monkeypatch.setenv(variable, proxy)
    with pytest.raises(ValueError, match="the address of the proxy can't be used") as raised:
        HTTPClient("http://backend.example/v1/traces", {}, compression="none")
    for caught in (judged, raised):
        assert "planted" not in str(caught.getrepr(chain=True, style="native"))


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make an authority, another one, and certificates of a server and of a client."""
    return make_certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def tls_server(server: OddServer, certificates: Path) -> OddServer:
    """A server with TLS that wants a certificate of its clients."""
    server.use_tls(wanting_clients(certificates))
    return server


def test_certificates_are_those_that_are_configured(
    tls_server: OddServer, certificates: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """REQUESTS_CA_BUNDLE and CURL_CA_BUNDLE name another authority, and change nothing."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificates / "other.pem"))
    monkeypatch.setenv("CURL_CA_BUNDLE", str(certificates / "other.pem"))
    made = {
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": tls_server.url,
        "OTEL_EXPORTER_OTLP_CERTIFICATE": str(certificates / "ca.pem"),
        "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE": str(certificates / "client.pem"),
        "OTEL_EXPORTER_OTLP_CLIENT_KEY": str(certificates / "client.key"),
    }
    with sending(**made) as traces:
        traces.span("one")
        assert traces.flush()
        assert traces.of("traces").delivered == 1


@pytest.mark.parametrize("missing", ["CERTIFICATE", "CLIENT_CERTIFICATE"])
def test_without_a_certificate_nothing_is_sent(
    tls_server: OddServer, certificates: Path, missing: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The server is not believed, or does not believe the client; the spans are kept."""
    made = {
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": tls_server.url,
        "OTEL_EXPORTER_OTLP_CERTIFICATE": str(certificates / "ca.pem"),
        "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE": str(certificates / "client.pem"),
        "OTEL_EXPORTER_OTLP_CLIENT_KEY": str(certificates / "client.key"),
    }
    del made[f"OTEL_EXPORTER_OTLP_{missing}"]
    if missing == "CLIENT_CERTIFICATE":
        del made["OTEL_EXPORTER_OTLP_CLIENT_KEY"]
    with sending(**made) as traces:
        traces.span("one")
        assert not traces.flush(1.0)
        assert traces.of("traces").failed == 0
    assert tls_server.requests == []
    assert "TLS handshake failed" in caplog.text


def test_certificates_over_grpc(certificates: Path) -> None:
    """The server is believed by the configured authority, and gets the client's certificate."""
    import grpc

    from tests.telemetry.export.test_grpc import OddService

    texts = {path.name: path.read_bytes() for path in certificates.iterdir()}
    service = OddService(
        grpc.ssl_server_credentials(
            [(texts["server.key"], texts["server.pem"])], texts["ca.pem"], require_client_auth=True
        )
    )
    made = {
        "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": f"https://{service.address}",
        "OTEL_EXPORTER_OTLP_CERTIFICATE": str(certificates / "ca.pem"),
        "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE": str(certificates / "client.pem"),
        "OTEL_EXPORTER_OTLP_CLIENT_KEY": str(certificates / "client.key"),
    }
    try:
        with sending(**made) as traces:
            traces.span("one")
            assert traces.flush()
    finally:
        service.close()
    assert service.requests == [["one"]]


def test_a_certificate_file_that_holds_the_key_too(
    tls_server: OddServer, certificates: Path, tmp_path: Path
) -> None:
    """No variable for the key is needed then."""
    both = tmp_path / "client-and-key.pem"
    both.write_bytes(
        (certificates / "client.pem").read_bytes() + (certificates / "client.key").read_bytes()
    )
    made = {
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": tls_server.url,
        "OTEL_EXPORTER_OTLP_CERTIFICATE": str(certificates / "ca.pem"),
        "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE": str(both),
    }
    with sending(**made) as traces:
        traces.span("one")
        assert traces.flush()
        assert traces.of("traces").delivered == 1


PROVIDERS = """
import grpc, requests

def session():
    made = requests.Session()
    made.headers["X-Provided"] = "sesame"
    return made

def credentials():
    return grpc.ssl_channel_credentials({authority!r}, {key!r}, {certificate!r})
"""


@pytest.fixture
def providers(
    tmp_path: Path, certificates: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """Install a package with a provider for each protocol."""
    texts = {
        "authority": (certificates / "ca.pem").read_bytes(),
        "key": (certificates / "client.key").read_bytes(),
        "certificate": (certificates / "client.pem").read_bytes(),
    }
    (tmp_path / "planted_providers.py").write_text(PROVIDERS.format(**texts))
    metadata = tmp_path / "planted_providers-1.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: planted-providers\nVersion: 1\n"
    )
    (metadata / "entry_points.txt").write_text(
        "[opentelemetry_otlp_credential_provider]\n"
        "planted_session = planted_providers:session\n"
        "planted_credentials = planted_providers:credentials\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    yield
    sys.modules.pop("planted_providers", None)


@pytest.mark.usefixtures("providers")
def test_a_credential_provider_makes_the_session(server: OddServer) -> None:
    """For the signal that its variable names."""
    made = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": server.url,
        "OTEL_PYTHON_EXPORTER_OTLP_HTTP_TRACES_CREDENTIAL_PROVIDER": "planted_session",
    }
    with sending(**made) as all_three:
        all_three.span("one")
        all_three.log("two")
        assert all_three.flush()
        assert all_three.of("traces").delivered == 1
    provided = {each.line.split()[1]: each.headers.get("x-provided") for each in server.requests}
    assert provided == {"/v1/traces": "sesame", "/v1/logs": None}


@pytest.mark.usefixtures("providers")
def test_a_credential_provider_makes_the_channels_credentials(certificates: Path) -> None:
    """Over gRPC, where a server wants a client's certificate."""
    import grpc

    from tests.telemetry.export.test_grpc import OddService

    credentials = grpc.ssl_server_credentials(
        [((certificates / "server.key").read_bytes(), (certificates / "server.pem").read_bytes())],
        (certificates / "ca.pem").read_bytes(),
        require_client_auth=True,
    )
    service = OddService(credentials=credentials)
    made = {
        "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": f"https://{service.address}",
    }
    try:
        with sending(**made) as traces:
            traces.span("refused")
            assert not traces.flush(1.0)
        variable = "OTEL_PYTHON_EXPORTER_OTLP_GRPC_CREDENTIAL_PROVIDER"
        with sending(**made, **{variable: "planted_credentials"}) as traces:
            traces.span("one")
            assert traces.flush()
    finally:
        service.close()
    assert service.requests == [["one"]]


@pytest.mark.usefixtures("providers")
@pytest.mark.parametrize("form", ["GRPC", "HTTP"])
def test_a_credential_provider_that_is_missing(form: str) -> None:
    """It is an error at start-up that lists those that are installed."""
    variable = f"OTEL_PYTHON_EXPORTER_OTLP_{form}_TRACES_CREDENTIAL_PROVIDER"
    with pytest.raises(ConfigurationError) as caught:
        read_settings({variable: "absent"})
    (problem,) = caught.value.problems
    assert (problem.variable, problem.given) == (variable, "absent")
    assert problem.wanted == "one of planted_credentials, planted_session"


def test_headers_are_those_that_are_configured(server: OddServer) -> None:
    """And deflate and gzip are what they say."""
    server.reply = lambda _: answer()
    for compression in ("none", "gzip", "deflate"):
        made = {
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": server.url,
            "OTEL_EXPORTER_OTLP_TRACES_HEADERS": "X-Token=sesame,user-agent=mine",
            "OTEL_EXPORTER_OTLP_COMPRESSION": compression,
        }
        with sending(**made) as traces:
            traces.span("one")
            assert traces.flush()
    assert [each.headers.get("content-encoding") for each in server.requests] == [
        None,
        "gzip",
        "deflate",
    ]
    assert {each.headers["x-token"] for each in server.requests} == {"sesame"}
    assert {each.headers["user-agent"] for each in server.requests} == {"mine"}
    # The server has unpacked them.
    assert len({each.body[:1] for each in server.requests}) == 1
