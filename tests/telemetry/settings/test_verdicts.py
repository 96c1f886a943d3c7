"""Every variable with every odd text: what the table says, at start-up and in both commands."""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from telemetry.commands.check import command as check
from telemetry.commands.config import command as config
from telemetry.exceptions import HIDDEN, ConfigurationError
from telemetry.pipeline import Pipeline
from telemetry.settings import passed_on, read_settings, variables
from telemetry.settings.logs import read_log_settings
from telemetry.settings.names import HONOURED, UNUSED, normalise
from telemetry.settings.variable import declared
from tests.telemetry.settings.reading import problems, read
from tests.telemetry.settings.verdicts import BESIDE, EXAMPLES, INPUTS, KINDS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

    from tests.telemetry.settings.verdicts import Kind

ENDPOINT = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"}
SECRET = {str(variable) for variable in declared(variables, passed_on) if variable.secret}


def cells(kind: Kind) -> Iterator[tuple[str, dict[str, str], str]]:
    """Each variable of a kind with each text, and the verdict."""
    for name in kind.variables:
        ends = [example for end, example in EXAMPLES.items() if name.endswith(end)]
        example = kind.example or ends[0]
        for text, verdict in zip(INPUTS.values(), kind.verdicts, strict=True):
            given = text.format(example=example, swapped=example.swapcase())
            yield name, {**BESIDE.get(name, {}), name: given}, verdict


def test_the_table_has_every_variable() -> None:
    """Of the reference, each once."""
    listed = [name for kind in KINDS.values() for name in kind.variables]
    assert len(listed) == len(set(listed))
    assert set(listed) == {str(variable) for variable in declared(variables, passed_on)}


@pytest.mark.parametrize("kind", KINDS)
def test_a_text_has_the_verdict_of_the_table(
    kind: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """An error names the variable, its value and what is wanted. What is accepted can be used."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("OTEL_")]:
        monkeypatch.delenv(name)
    found = []
    for name, environ, verdict in cells(KINDS[kind]):
        said = problems(**environ)
        if said:
            assert [problem.variable for problem in said] == [name], environ
            # A text may also be hidden for what the variable's name says that it holds.
            shown = {HIDDEN} if name in SECRET else {HIDDEN, repr(environ[name].strip())}
            begins = tuple(f"{name}={text}: wanted " for text in shown)
            assert str(said[0]).startswith(begins), environ
        else:
            with monkeypatch.context() as patch:
                for each, value in environ.items():
                    patch.setenv(each, value)
                settings = read_settings({**ENDPOINT, **environ})
                normalise(os.environ, settings.propagators)
                Pipeline(settings)
                read_log_settings(environ, debug=None)
        if bool(said) != (verdict == "e"):
            found.append((environ, verdict, said))
    assert found == []


@pytest.mark.parametrize("kind", KINDS)
def test_the_commands_say_the_same(
    kind: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`check` and `config` end with 2, without a traceback and without a secret."""
    for name in {str(each) for each in declared(variables, passed_on)} & os.environ.keys():
        monkeypatch.delenv(name)
    errors = {name: each for name, each, verdict in cells(KINDS[kind]) if verdict == "e"}
    for name, environ in errors.items():
        with monkeypatch.context() as patch:
            for each, value in environ.items():
                patch.setenv(each, value)
            assert [run(command) for command in (check, config)] == [2, 2], environ
        printed = capsys.readouterr()
        with pytest.raises(ConfigurationError) as caught:
            read(**environ)
        assert printed.out == ""
        assert printed.err == f"{caught.value}\n" * 2
        assert name in SECRET or repr(environ[name].strip()) in printed.err


def run(command: ModuleType) -> int:
    """Run a command without arguments. Returns its exit code."""
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    code: int = command.run(parser.parse_args([]))
    return code


@pytest.mark.parametrize("text", ["", "  "])
@pytest.mark.parametrize("variable", declared(variables, passed_on))
def test_an_empty_variable_is_unset(variable: str, text: str) -> None:
    """By the specification, "Parsing empty value"."""
    assert read(**{variable: text}) == read()


def test_bytes_that_are_not_utf_8_are_an_error() -> None:
    """Every variable: they could be neither sent nor printed."""
    for variable in declared(variables, passed_on):
        said = problems(**{variable: "a\udcffb"})
        assert (variable, HIDDEN, "text in UTF-8") in [
            (problem.variable, problem.given, problem.wanted) for problem in said
        ]


def test_what_opentelemetry_s_packages_read_themselves_can_be_read() -> None:
    """The API and the SDK fail for empty variables when they are imported, and for a last comma."""
    program = (
        "import telemetry; telemetry.configure()\n"
        "from telemetry.state import state; state.configured.pipeline.start()\n"
        "from opentelemetry import propagate\n"
        "print(sorted(propagate.get_global_textmap().fields))\n"
        "telemetry.flush(0)"
    )
    given = {
        **ENDPOINT,
        "OTEL_PROPAGATORS": "TraceContext, ,baggage,",
        "TELEMETRY_SHUTDOWN_TIMEOUT": "1ms",
        # Read by the API before anything of this package.
        "OTEL_PYTHON_CONTEXT": "",
    }
    environ = {**{str(each): " " for each in declared(variables, passed_on)}, **given}
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout.splitlines() == ["['baggage', 'traceparent', 'tracestate']"], done.stderr
    assert done.returncode == 0
    assert "Traceback" not in done.stderr


def installed_names() -> set[str]:
    """Names of variables that the sources of installed packages have as a text.

    Names that are put together, such as `OTEL_PYTHON_{}_EXCLUDED_URLS`, have no constant.
    """
    names = set()
    for folder, folders, files in os.walk(sysconfig.get_path("purelib")):
        folders[:] = [each for each in folders if each not in {"__pycache__", "tests"}]
        for file in files:
            if file.endswith(".py"):
                source = Path(folder, file).read_bytes()
                if b"OTEL_" in source:
                    names |= set(re.findall(rb"""["'](OTEL_[A-Z0-9_]*[A-Z0-9])["']""", source))
    return {name.decode() for name in names}


def test_every_variable_that_a_package_reads_is_known() -> None:
    """Declared, honoured by another package, or named at start-up as unused."""
    read_by = installed_names()
    assert len(read_by) > 90
    known = {str(variable) for variable in declared(variables, passed_on)}
    assert read_by - known - HONOURED.keys() - UNUSED.keys() == set()
    # Nothing is in two of them, or in one for no reason.
    assert known.isdisjoint({*HONOURED, *UNUSED})
    assert HONOURED.keys().isdisjoint(UNUSED)
    assert {*HONOURED, *UNUSED} - read_by == {"OTEL_EXPERIMENTAL_CONFIG_FILE"}


@pytest.mark.parametrize("name", UNUSED)
def test_an_unused_variable_is_named(name: str) -> None:
    """Once, with the reason."""
    assert read(**{name: "some"}).notes == (f"{name} is set and not used: {UNUSED[name]}",)


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("OTEL_EXPORTER_OTLP_ENDPIONT", "; did you mean OTEL_EXPORTER_OTLP_ENDPOINT?"),
        ("OTEL_PYTHON_EXLUDED_URLS", "; did you mean OTEL_PYTHON_EXCLUDED_URLS?"),
        ("OTEL_TRACE_SAMPLER", "; did you mean OTEL_TRACES_SAMPLER?"),
        ("OTEL_UNHEARD_OF", None),
        ("OTEL_PYTHON_FLASK_EXCLUDED_URLS", ""),
        ("OTEL_PYTHON_REDIS_SOMETHING", ""),
    ],
)
def test_a_name_that_nothing_reads_is_named(name: str, hint: str | None) -> None:
    """Unless it may be that of an instrumentation, which the host may have."""
    notes = read(**{name: "some"}).notes
    assert notes == ((f"{name} is set and not known{hint}",) if hint else notes)
    assert bool(notes) == (hint != "")


@pytest.mark.parametrize(
    ("environ", "why"),
    [
        ({}, "OTEL_TRACES_SAMPLER is not set"),
        ({"OTEL_TRACES_SAMPLER": "always_on"}, "the sampler always_on takes no argument"),
    ],
)
def test_an_argument_without_a_sampler_is_named(environ: dict[str, str], why: str) -> None:
    """Every trace would be kept, and nothing said so."""
    notes = read(OTEL_TRACES_SAMPLER_ARG="0.05", **environ).notes
    assert notes == (f"OTEL_TRACES_SAMPLER_ARG is set and not used: {why}",)
