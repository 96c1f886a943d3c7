"""Where a worker is scraped, and what becomes of it where that can't be."""

from __future__ import annotations

import logging
import socket
from typing import TYPE_CHECKING

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.resources import Resource
from prometheus_client.parser import text_string_to_metric_families

from telemetry.export.prometheus import metric_reader
from telemetry.settings.model import PrometheusSettings
from tests.support import web
from tests.support.processes import HOST, free_ports
from tests.telemetry.settings.reading import read

if TYPE_CHECKING:
    from collections.abc import Iterator

LAST = 65535


@pytest.fixture
def used_port() -> Iterator[int]:
    """The last of all ports, which somebody else listens on."""
    with socket.socket() as listener:
        listener.bind((HOST, LAST))
        listener.listen()
        yield LAST


def test_the_first_free_port_is_taken(caplog: pytest.LogCaptureFixture) -> None:
    """And the next one by the next; loopback unless it is told otherwise."""
    port = free_ports(3)
    with caplog.at_level(logging.INFO, "telemetry"):
        for _ in range(2):
            reader = metric_reader(PrometheusSettings(HOST, port))
            resource = Resource({"service.instance.id": "planted", "service.name": "host"})
            provider = MeterProvider([reader], resource, shutdown_on_exit=False)
            provider.get_meter("mine").create_counter("done").add(3)
    ports = [
        int(record.getMessage().rpartition(":")[2].removesuffix("/metrics"))
        for record in caplog.records
    ]
    assert ports[0] == port
    assert ports[1] > port
    for each in ports:
        text = web.get(f"http://{HOST}:{each}/metrics").text
        assert "done_total 3.0" in text
        assert 'service_name="host"' in text
        assert "planted" not in text
        assert "otel_scope" not in text
    assert PrometheusSettings().host == "localhost"


def test_names_that_collide_lose_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """Of two scopes, alike for Prometheus, of two kinds, and of labels."""
    port = free_ports(1)
    reader = metric_reader(PrometheusSettings(HOST, port))
    provider = MeterProvider([reader], shutdown_on_exit=False)
    one, two = provider.get_meter("one"), provider.get_meter("two.lib")
    one.create_counter("jobs.done").add(1, {"queue": "a"})
    two.create_counter("jobs.done").add(2, {"worker": "b"})
    one.create_counter("jobs_done").add(3)
    two.create_gauge("jobs.done.total").set(4)
    one.create_histogram("wait", unit="s").record(5)
    two.create_gauge("wait.seconds").set(6)
    two.create_gauge("wait.seconds.count").set(7)
    one.create_counter("labelled").add(8, {"a.b": "dot", "a_b": "line"})
    for _ in range(2):
        text = web.get(f"http://{HOST}:{port}/metrics").text
        families = {family.name: family for family in text_string_to_metric_families(text)}
        samples = [
            (sample.name, tuple(sorted(sample.labels.items())), sample.value)
            for family in families.values()
            for sample in family.samples
            if not sample.name.endswith("_bucket") and family.name != "target_info"
        ]
        # A second series of one name and labels would be refused, with all others.
        series = [sample[:2] for sample in samples]
        assert len(series) == len(set(series))
        assert sorted(value for _, _, value in samples) == [1, 1, 2, 3, 4, 5, 6, 7, 8]
        found = {value: (name, dict(labels)) for name, labels, value in samples}
        assert found[2.0] == ("jobs_done_two_lib_total", {"worker": "b"})
        assert found[8.0] == ("labelled_total", {"a_b": "dot", "a_b_2": "line"})
        # Each kind is declared once.
        types = [line.split()[2] for line in text.splitlines() if line.startswith("# TYPE")]
        assert len(types) == len(set(types))
    # Once each, not at every scrape.
    said = [message for message in caplog.messages if "for Prometheus" in message]
    assert len(said) == len(set(said)) == 6
    assert said[0] == (
        "metric jobs_done of one is jobs_done.one for Prometheus: jobs.done of one has its name"
    )
    provider.shutdown()


@pytest.mark.parametrize("host", ["::1", "[::1]"])
def test_an_ipv6_address_is_listened_on(host: str, caplog: pytest.LogCaptureFixture) -> None:
    """With or without brackets; the line at start-up has an address that can be opened."""
    settings = read(
        OTEL_EXPORTER_PROMETHEUS_HOST=host, OTEL_EXPORTER_PROMETHEUS_PORT=str(free_ports(1))
    )
    with caplog.at_level(logging.INFO, "telemetry"):
        provider = MeterProvider([metric_reader(settings.prometheus)], shutdown_on_exit=False)
    provider.get_meter("mine").create_counter("done").add(3)
    address = caplog.messages[0].rpartition(" ")[2]
    assert address.startswith("http://[::1]:")
    assert "done_total 3.0" in web.get(address).text
    provider.shutdown()


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:9464", 200),
        ("LOCALHOST:9464", 200),
        ("[::1]:9464", 200),
        ("metrics.internal:9464", 200),
        ("evil.example:9464", 421),
        ("localhost.evil.example", 421),
        ("", 421),
    ],
)
def test_a_name_that_is_pointed_here_is_refused(scraped: int, host: str, status: int) -> None:
    """A page elsewhere could read the metrics by it: DNS rebinding."""
    answer = web.get(f"http://{HOST}:{scraped}/metrics", headers={"Host": host})
    assert answer.status_code == status
    assert ("done_total" in answer.text) is (status == 200)
    if status != 200:
        assert "TELEMETRY_PROMETHEUS_ALLOWED_HOSTS" in answer.text


@pytest.fixture(scope="module")
def scraped() -> int:
    """The port of a reader, which a name is allowed for."""
    port = free_ports(1)
    settings = read(
        OTEL_METRICS_EXPORTER="prometheus",
        OTEL_EXPORTER_PROMETHEUS_HOST=HOST,
        OTEL_EXPORTER_PROMETHEUS_PORT=str(port),
        TELEMETRY_PROMETHEUS_ALLOWED_HOSTS="other.internal, Metrics.internal,",
    ).prometheus
    reader = metric_reader(settings)
    provider = MeterProvider([reader], shutdown_on_exit=False)
    provider.get_meter("mine").create_counter("done").add(3)
    return port


@pytest.mark.parametrize(
    ("host", "why"), [(HOST, "Address already in use"), ("192.0.2.1", "Cannot assign")]
)
def test_without_a_port_the_host_is_served_and_says_so(
    used_port: int, caplog: pytest.LogCaptureFixture, host: str, why: str
) -> None:
    """The reader works, and nobody is there to read."""
    reader = metric_reader(PrometheusSettings(host, used_port))
    provider = MeterProvider([reader], shutdown_on_exit=False)
    provider.get_meter("mine").create_counter("done").add(3)
    [record] = caplog.records
    message = record.getMessage()
    assert message.startswith(
        f"metrics are not scraped: no port of {host} from {used_port} to {used_port}"
    )
    assert why in message
    provider.shutdown()


def test_it_is_an_exporter_of_metrics_alone() -> None:
    """By its plain name, though contrib has an entry point of that name."""
    settings = read(
        OTEL_METRICS_EXPORTER="otlp, Prometheus",
        OTEL_EXPORTER_PROMETHEUS_PORT="9000",
        OTEL_EXPORTER_PROMETHEUS_HOST="127.0.0.2",
    )
    assert settings.exporters["metrics"] == ("otlp", "prometheus")
    assert settings.prometheus == PrometheusSettings("127.0.0.2", 9000)


@pytest.mark.parametrize(
    ("variable", "given", "wanted"),
    [
        ("OTEL_TRACES_EXPORTER", "prometheus", "(not prometheus)"),
        ("OTEL_EXPORTER_PROMETHEUS_PORT", "0", "a whole number of at least 1"),
        ("OTEL_EXPORTER_PROMETHEUS_PORT", "65536", "a port from 1 to 65535"),
        ("OTEL_EXPORTER_PROMETHEUS_PORT", "many", "a whole number of at least 1"),
    ],
)
def test_what_it_cannot_be_is_said(variable: str, given: str, wanted: str) -> None:
    """At start-up, with what was wanted."""
    from telemetry.exceptions import ConfigurationError

    with pytest.raises(ConfigurationError) as caught:
        read(**{"OTEL_METRICS_EXPORTER": "prometheus", variable: given})
    assert f"{variable}='{given}'" in str(caught.value)
    assert wanted in str(caught.value)
