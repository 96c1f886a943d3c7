"""What Sentry's SDK sends, as we start it: errors, by a real receiver's account."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.telemetry.errors.sentry.programs import printed, run_program

if TYPE_CHECKING:
    from pathlib import Path

    from telemetry.testing import EventReceiver


def test_an_event_says_which_release_it_was(tmp_path: Path, errors: EventReceiver) -> None:
    """By the same variables as OpenTelemetry's resource."""
    attributes = "service.version=v7,deployment.environment.name=staging"
    env = {"OTEL_RESOURCE_ATTRIBUTES": attributes, "SENTRY_RELEASE": "another"}
    run_program(tmp_path, errors, "1 / 0", **env)
    [event] = errors.events
    assert (event.release, event.environment) == ("v7", "staging")


def test_what_is_logged_as_an_error(tmp_path: Path, errors: EventReceiver) -> None:
    """Once each, by the logger's name; what is less than an error is none."""
    code = """
    import logging
    logger = logging.getLogger("host")
    logger.warning("-".join(("of", "no", "event")))
    logger.error("no minutes for %s", "alameda.ca", extra={"page": 3})
    try:
        1 / 0
    except ZeroDivisionError as error:
        logger.exception("while counting")
        logger.error("and again", exc_info=error)
    logger.error("nothing is handled", exc_info=True)
    """
    assert printed(run_program(tmp_path, errors, code)) == []
    plain, counting, unhandled = errors.events
    assert (plain.logger, plain.level) == ("host", "error")
    assert plain.message == "no minutes for alameda.ca"
    assert plain.exceptions == ()
    assert plain.extra["page"] == 3
    logger, line = plain.fingerprint
    assert logger == "host"
    assert 'error("no minutes for %s"' in line
    assert counting.message == "while counting"
    assert counting.exceptions == (("ZeroDivisionError", "division by zero"),)
    assert unhandled.message == "nothing is handled"
    # No other record's text comes along.
    assert {event.breadcrumbs for event in errors.events} == {()}
    assert "of-no-event" not in repr([event.raw for event in errors.events])


def test_what_asyncio_could_only_log(tmp_path: Path, errors: EventReceiver) -> None:
    """A task that nobody awaited, a callback that nobody could."""
    code = """
    import asyncio, gc
    async def fail():
        raise LookupError("task")
    def fail_at_once():
        raise LookupError("callback")
    async def main():
        asyncio.create_task(fail())
        asyncio.get_running_loop().call_soon(fail_at_once)
        await asyncio.sleep(0.01)
        gc.collect()
    asyncio.run(main())
    """
    run_program(tmp_path, errors, code)
    assert sorted(event.exceptions[-1][1] for event in errors.events) == ["callback", "task"]
    assert {event.logger for event in errors.events} == {"asyncio"}


def test_what_repeats_or_was_answered_is_no_event(tmp_path: Path, errors: EventReceiver) -> None:
    """OpenTelemetry's own errors, and what Django has answered with 400."""
    code = """
    import logging
    for name in ("opentelemetry.sdk.trace.export", "django.security.DisallowedHost"):
        try:
            1 / 0
        except ZeroDivisionError:
            logging.getLogger(name).exception("of no event")
    logging.getLogger("django.request").error("Internal Server Error: /")
    logging.getLogger("opentelemetry_of_our_own").error("an event")
    """
    run_program(tmp_path, errors, code)
    assert [event.message for event in errors.events] == ["an event"]


def test_an_event_holds_nothing_private(tmp_path: Path, errors: EventReceiver) -> None:
    """No local variable, no argument, no module list, no name of the machine's user."""
    code = """
    def fail(argument):
        local = "-".join(("planted", "local"))
        raise LookupError("planted in the text is the host's own")
    fail("-".join(("planted", "argument")))
    """
    run_program(tmp_path, errors, code, arguments=("planted-argv",))
    [event] = errors.events
    raw = repr(event.raw)
    for secret in ("planted-local", "planted-argument", "planted-argv"):
        assert secret not in raw
    frames = event.raw["exception"]["values"][0]["stacktrace"]["frames"]
    assert all("vars" not in frame for frame in frames)
    assert "sys.argv" not in raw
    assert not event.raw.get("modules")
    assert "user" not in event.raw


def test_errors_are_all_that_is_sent(tmp_path: Path, errors: EventReceiver) -> None:
    """Not even where the host asks for a transaction, or an event was dropped and is missed."""
    code = """
    import logging, sentry_sdk
    try:
        raise KeyboardInterrupt
    except KeyboardInterrupt:
        logging.getLogger("host").exception("of no event")
    from opentelemetry import trace
    with sentry_sdk.start_transaction(name="work"), sentry_sdk.start_span(name="part"):
        pass
    with trace.get_tracer("program").start_as_current_span("work"):
        pass
    1 / 0
    """
    run_program(tmp_path, errors, code)
    assert dict(errors.item_types) == {"event": 1}
    assert [request.path for request in errors.requests] == ["/api/1/envelope/"]
