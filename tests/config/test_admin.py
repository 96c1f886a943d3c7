"""The admin of a running host: real login, real cookies, real forms."""

from collections.abc import Iterator

import httpx
import pytest

from tests.support import web
from tests.support.admin import PASSWORD, USER, Admin, add_superuser, admin_of
from tests.support.host import add_sites, migrated_host
from tests.support.servers import Server, serve_uvicorn
from tests.support.waiting import wait_until

ADD = "/admin/sites/site/add/"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A host with one site and one superuser."""
    env = migrated_host(tmp_path_factory.mktemp("host"))
    add_sites(env, [("alameda.ca", "Alameda", "CA", None)])
    add_superuser(env)
    with serve_uvicorn(env=env) as server:
        yield server
        assert "Traceback" not in server.output()


@pytest.fixture
def admin(server: Server) -> Iterator[Admin]:
    with admin_of(server) as admin:
        yield admin


def _get(server: Server, path: str, host: str = "localhost") -> httpx.Response:
    headers = {"host": f"{host}:{server.port}"}
    return web.get(f"{server.url}{path}", headers=headers)


def test_a_site_lives_and_dies_by_the_admin(server: Server, admin: Admin) -> None:
    """Added, changed and deleted there, it appears, changes and is gone in both places."""
    assert _get(server, "/", "napa.ca.localhost").status_code == 302

    added = admin.send(ADD, subdomain="napa.ca", name="Nappa", state="CA", pages="1234")
    assert added.status_code == 302, added.text
    wait_until(lambda: "Nappa" in _get(server, "/").text)
    assert "1,234 pages" in _get(server, "/").text
    # Registered, but without data: its own page and no way home.
    assert _get(server, "/", "napa.ca.localhost").status_code != 302

    change = "/admin/sites/site/napa.ca/change/"
    assert admin.send(change, name="Napa", state="CA").status_code == 302
    wait_until(lambda: "Nappa" not in _get(server, "/").text)

    delete = "/admin/sites/site/napa.ca/delete/"
    assert admin.send(delete, post="yes").status_code == 302
    wait_until(lambda: "Napa" not in _get(server, "/").text)
    wait_until(lambda: _get(server, "/", "napa.ca.localhost").status_code == 302)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"subdomain": "../etc", "name": "Etc", "state": "CA"}, "is no subdomain"),
        ({"subdomain": "napa.ca", "name": "", "state": "CA"}, "This field is required."),
        ({"subdomain": "napa.ca", "name": "Napa", "state": ""}, "This field is required."),
        (
            {"subdomain": "napa.ca", "name": "Napa", "state": "CA", "pages": "-1"},
            "greater than or equal to 0",
        ),
        ({"subdomain": "alameda.ca", "name": "A", "state": "CA"}, "already exists"),
    ],
)
def test_what_is_no_site_is_not_added(admin: Admin, fields: dict[str, str], said: str) -> None:
    """The form comes back with the reason."""
    answer = admin.send(ADD, **fields)

    assert answer.status_code == 200
    assert said in answer.text


def test_the_subdomain_is_fixed(admin: Admin) -> None:
    """It is the key: a changed one would become a second site."""
    page = admin.client.get("/admin/sites/site/alameda.ca/change/").text

    assert 'name="name"' in page
    assert 'name="subdomain"' not in page


def test_sites_can_be_looked_for(admin: Admin) -> None:
    """By a search and by state, with all that is known of them in columns."""
    admin.send(ADD, subdomain="bend.or", name="Bend", state="OR", pages="17")

    found = admin.client.get("/admin/sites/site/?q=bend").text
    assert "bend.or" in found
    assert "alameda.ca" not in found
    of_state = admin.client.get("/admin/sites/site/?state=CA").text
    assert "alameda.ca" in of_state
    assert ">bend.or<" not in of_state
    for column in ("subdomain", "name", "state", "pages", "last_updated"):
        assert f"column-{column}" in found


def test_a_stranger_is_asked_to_log_in(server: Server) -> None:
    """And a wrong password lets nobody in."""
    assert _get(server, ADD).headers["location"] == f"/admin/login/?next={ADD}"
    with web.client(base_url=server.url) as client:
        answer = Admin(client).send("/admin/login/", username=USER, password=f"not {PASSWORD}")

        assert answer.status_code == 200
        assert "sessionid" not in client.cookies


def test_a_form_of_another_site_is_refused(admin: Admin) -> None:
    """Without the token of the page itself, cookies are worth nothing."""
    answer = admin.client.post(ADD, data={"subdomain": "x.ca", "name": "X", "state": "CA"})

    assert answer.status_code == 403


def test_cookies_stay_in_the_admin(server: Server, admin: Admin) -> None:
    """Public pages set none and are sent none: anybody in between may cache them."""
    assert {cookie.path for cookie in admin.client.cookies.jar} == {"/admin/"}
    for path in ("/", "/health/", "/static/sites/pages.css"):
        answer = _get(server, path)
        assert "set-cookie" not in answer.headers
        assert "vary" not in answer.headers


def test_the_admin_is_dressed(server: Server, admin: Admin) -> None:
    """Every style sheet and script of its page is there, without collectstatic."""
    page = admin.client.get("/admin/sites/site/").text
    files = {part.split('"')[0] for part in page.split('"/static/')[1:]}

    assert any(name.endswith(".css") for name in files)
    assert any(name.endswith(".js") for name in files)
    for name in files:
        assert _get(server, f"/static/{name}").status_code == 200, name


def test_users_and_groups_are_there(admin: Admin) -> None:
    """As Django has them."""
    assert USER in admin.client.get("/admin/auth/user/").text
    assert admin.client.get("/admin/auth/group/add/").status_code == 200
