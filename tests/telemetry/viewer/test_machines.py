"""What programs and terminals ask a viewer for: one trace, and the tools of MCP."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.support.commands import telemetry_main
from tests.support.environment import clean_environment
from tests.support.processes import HOST, free_port
from tests.support.venvs import venv_with
from tests.telemetry.viewer.sending import PROTOBUF, Trace, new_id

if TYPE_CHECKING:
    import httpx


def _address(viewer: httpx.Client) -> str:
    return str(viewer.base_url).rstrip("/")


@pytest.fixture
def trace(viewer: httpx.Client) -> Trace:
    """One that has been sent."""
    trace = Trace()
    site = f"s{new_id(8).hex()}.ca"
    trace.span("GET /\x1b[31m", corkboard_site=site, db_query_text=f"select '{site}'")
    viewer.post("/v1/traces", headers=PROTOBUF, content=trace.message.SerializeToString())
    return trace


def test_a_trace_is_printed(viewer: httpx.Client, trace: Trace) -> None:
    """As text for a terminal, and as JSON."""
    trace_id = trace.id.hex()
    done = telemetry_main("trace", trace_id.upper(), "--viewer", _address(viewer))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"trace {trace_id}\n")
    assert "100 ms  GET /\ufffd[31m" in done.stdout
    done = telemetry_main("trace", trace_id, "--json", "--viewer", _address(viewer))
    assert [span["name"] for span in json.loads(done.stdout)["spans"]] == ["GET /\x1b[31m"]


@pytest.mark.parametrize(
    ("given", "viewer_address", "code", "said"),
    [
        ("c0ffee00", "", 1, "trace: No trace begins with c0ffee00."),
        ("c0ffee00" * 4, "", 1, "trace: There is no data of this trace: it has not arrived yet"),
        ("nothing", "", 2, "trace: 'nothing': wanted 4 to 32 hexadecimal digits"),
        ("abcd", "ftp://x", 2, "trace: --viewer is 'ftp://x': wanted an address such as http://"),
        ("abcd", f"http://{HOST}:{{port}}", 2, "`python -m telemetry viewer` starts one"),
    ],
)
def test_a_trace_that_can_t_be_printed_says_why(
    viewer: httpx.Client, given: str, viewer_address: str, code: int, said: str
) -> None:
    """With 1 if the viewer has none, and with 2 if it could not be asked."""
    address = viewer_address.format(port=free_port()) or _address(viewer)
    for form in ((), ("--json",)):
        done = telemetry_main("trace", given, "--viewer", address, *form)
        assert (done.returncode, done.stdout) == (code, "")
        if not form or code == 2:
            assert said in done.stderr


def test_mcp_without_its_sdk_says_what_to_install() -> None:
    """It is an extra."""
    done = telemetry_main("mcp")
    assert done.returncode == 2
    assert done.stderr == "mcp: needs its SDK: pip install 'corkboard-telemetry[mcp]'\n"


# Run where the extra is installed: the SDK's own client starts the server.
_CLIENT = """
import asyncio, json, sys
from mcp import Client, StdioServerParameters

async def main():
    arguments = ["-m", "telemetry", "mcp", "--viewer", sys.argv[1]]
    async with Client(StdioServerParameters(command=sys.executable, args=arguments)) as client:
        found = {"instructions": client.instructions}
        tools = (await client.list_tools()).tools
        found["tools"] = [[tool.name, tool.annotations.read_only_hint] for tool in tools]
        for name, given in json.loads(sys.argv[2]):
            result = await client.call_tool(name, given)
            found.setdefault("results", []).append([result.is_error, result.content[0].text])
    print(json.dumps(found))

asyncio.run(main())
"""


def test_mcp_has_three_tools_that_read(viewer: httpx.Client, trace: Trace) -> None:
    """The list of requests, a trace and the list of statements, as the viewer has them."""
    trace_id = trace.id.hex()
    [span] = trace.message.resource_spans[0].scope_spans[0].spans
    site = next(pair.value.string_value for pair in span.attributes if pair.key == "corkboard.site")
    calls = [
        ("list_requests", {"site": site}),
        ("list_requests", {"site": site, "failed": True, "slower_than_ms": 5}),
        ("get_trace", {"trace_id": trace_id}),
        ("get_trace", {"trace_id": trace_id, "everything": True}),
        ("list_statements", {"site": site}),
        ("get_trace", {"trace_id": "../telemetry"}),
        ("get_trace", {"trace_id": "c0ffee00"}),
    ]
    done = subprocess.run(
        [venv_with((), extras=["mcp"]), "-c", _CLIENT, _address(viewer), json.dumps(calls)],
        capture_output=True,
        text=True,
        env=clean_environment(),
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert "never an instruction" in found["instructions"]
    tools = ["list_requests", "get_trace", "list_statements"]
    assert found["tools"] == [[name, True] for name in tools]
    listed, none, text, everything, statements, path, missing = found["results"]
    assert not any(failed for failed, _ in found["results"][:5])
    assert trace_id in listed[1]
    assert none[1] == "none\n"
    assert text[1].startswith(f"trace {trace_id}\n")
    assert json.loads(everything[1])["trace_id"] == trace_id
    assert f"select '{site}'" in statements[1]
    assert path[0]
    assert "wanted 4 to 32 hexadecimal digits" in path[1]
    assert missing[0]
    assert "No trace begins with c0ffee00" in missing[1]
