"""Routes that a person can read."""

from __future__ import annotations

import random

import pytest
from datasette.app import Datasette
from django.http import HttpRequest, HttpResponse
from django.urls import include, path, re_path, resolve

from telemetry.asgi.routes import readable_route


def _datasette_patterns() -> list[str]:
    datasette = Datasette(memory=True)
    try:
        return [route.pattern for route, _ in datasette._routes()]
    finally:
        datasette.close()


def test_no_route_of_datasette_s_has_anything_of_an_expression_left() -> None:
    """Of this version; every one of its named groups is named, none is `{}`."""
    patterns = _datasette_patterns()
    assert len(patterns) > 50
    for pattern in patterns:
        route = readable_route(pattern)
        assert route.startswith("/")
        assert not set(route) & set(r"()[]\?$^*+|<>"), f"{pattern} became {route}"
        assert "{}" not in route, f"{pattern} became {route}"


def test_datasette_s_routes_stay_apart() -> None:
    """Two patterns with one name would be one row in every table of routes."""
    patterns = _datasette_patterns()
    assert len({readable_route(pattern) for pattern in patterns}) == len(patterns)


@pytest.mark.parametrize(
    ("pattern", "route"),
    [
        (r"/(\.(?P<format>json))?$", "/"),
        (r"/(?P<database>[^\/\.]+)(\.(?P<format>\w+))?$", "/{database}"),
        (r"/(?P<database>[^\/\.]+)\.db$", "/{database}.db"),
        (
            r"/(?P<database>[^\/\.]+)/(?P<table>[^/]+?)/(?P<pks>[^/]+?)(\.(?P<format>\w+))?$",
            "/{database}/{table}/{pks}",
        ),
        (r"/-/static/(?P<path>.*)$", "/-/static/{path}"),
        (r"/favicon.ico$", "/favicon.ico"),
    ],
)
def test_datasette_s_forms(pattern: str, route: str) -> None:
    """What is optional goes, so that a page and its JSON are one route."""
    assert readable_route(pattern) == route


@pytest.mark.parametrize(
    ("pattern", "route"),
    [
        ("", "/"),
        ("articles/", "/articles/"),
        ("articles/<int:year>/", "/articles/{year}/"),
        ("<path:rest>", "/{rest}"),
        ("<slug>-<uuid:id>", "/{slug}-{id}"),
        ("v1.0/export.csv", "/v1.0/export.csv"),
        ("^old/(?P<year>[0-9]{4})/$", "/old/{year}/"),
        (r"^old/(\d+)/([a-z]+)/$", "/old/{}/{}/"),
        (r"^(?:blog|news)/\w+/$", "/{}/{}/"),
        (r"^page(?:/(?P<n>\d+))?/$", "/page/"),
        (r"^files/[^/]*\.pdf\Z", "/files/{}.pdf"),
        (r"^a(?=b)(?!c)b$", "/ab"),
        (r"^(?P<a>\(\))/(?P<b>[)(])/$", "/{a}/{b}/"),
        (r"^x/(a|(b))*y$", "/x/y"),
    ],
)
def test_django_s_forms(pattern: str, route: str) -> None:
    """`path()` and `re_path()`; a group without a name is `{}`."""
    assert readable_route(pattern) == route


def _view(request: HttpRequest, **kwargs: str) -> HttpResponse:
    return HttpResponse()


def test_an_included_route_is_read_as_django_joins_it() -> None:
    """`ResolverMatch.route` puts the pieces together, both kinds of them."""
    inner = [re_path(r"^(?P<page>\d+)/$", _view)]

    class urls:  # noqa: N801 # stands in for a module
        urlpatterns = [path("<str:subdomain>/", include((inner, "pages")))]

    match = resolve("/alameda.ca/7/", urlconf=urls)  # type: ignore[arg-type]
    assert match.route == r"<str:subdomain>/(?P<page>\d+)/$"
    assert readable_route(match.route) == "/{subdomain}/{page}/"


@pytest.mark.parametrize(
    "odd",
    [
        "(",
        ")",
        "[",
        "[^",
        "[]",
        "\\",
        "{",
        "{}",
        "<",
        "<>",
        "<:>",
        "a**",
        "(?",
        "(?P<",
        "{1",
        "/" * 2000,
    ],
)
def test_an_odd_pattern_is_read_somehow(odd: str) -> None:
    """Applications can put anything there; a page never fails for it."""
    assert readable_route(odd).startswith("/")


def test_no_pattern_raises() -> None:
    """Ten thousand, from the characters that mean something; the seed makes them the same."""
    pieces = [*r"()[]{}<>\?*+|.^$:,-=!/P1ab" + "\n\0\u20ac", "(?P<n>", "(?:", r"\d", "<int:x>"]
    chance = random.Random(2013)
    for _ in range(10_000):
        pattern = "".join(chance.choices(pieces, k=chance.randrange(30)))
        route = readable_route(pattern)
        assert route.startswith("/"), pattern
