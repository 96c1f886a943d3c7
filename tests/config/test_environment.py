from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from config.environment import DEVELOPMENT_KEY, read_environment
from tests.support.paths import ROOT


def test_defaults_lie_in_the_project() -> None:
    """With nothing but a key set, everything else has a value that works."""
    environment = read_environment({"SECRET_KEY": "s3cret"}, ROOT)

    assert environment.debug is False
    assert environment.secret_key == "s3cret"
    assert environment.https is True
    assert environment.database["NAME"] == ROOT / "db.sqlite3"
    assert environment.sites_dir == ROOT / "sites"
    assert environment.sites_pool_size == 50
    assert environment.root_domains == ("localhost", "civic.band")
    assert environment.plugins_dir == ROOT / "django_plugins"


def test_every_problem_is_reported_at_once(tmp_path: Path) -> None:
    """One start-up shows all that is to be put right: variable, value, wanted."""
    file = tmp_path / "a-file"
    file.touch()
    values = {
        "DEBUG": "perhaps",
        "HTTPS": "sometimes",
        "DATABASE_URL": "sqlite:///missing/folder/db",
        "SITES_DIR": str(file),
        "SITES_POOL_SIZE": "many",
        "ROOT_DOMAINS": "civic.band:8000",
        "DJP_PLUGINS_DIR": str(tmp_path / "nothing"),
    }

    with pytest.raises(ImproperlyConfigured) as caught:
        read_environment(values, ROOT, serving=True)

    lines = str(caught.value).splitlines()[1:]
    assert {line.split()[0] for line in lines} == {*values, "SECRET_KEY"}
    for variable, value in values.items():
        [line] = [line for line in lines if line.split()[0] == variable]
        assert repr(value) in line
        assert "wanted " in line


@pytest.mark.parametrize("value", ["1", "true", "YES", " on "])
def test_debug_brings_a_key_of_its_own(value: str) -> None:
    """Only under DEBUG is there a key to start with."""
    environment = read_environment({"DEBUG": value}, ROOT)

    assert environment.debug is True
    assert environment.secret_key == DEVELOPMENT_KEY


@pytest.mark.parametrize("value", ["", "0", "False", "no", "off"])
def test_without_debug_a_missing_key_is_an_error(value: str) -> None:
    """To a server: workers that each made one up would refuse each other's signatures."""
    with pytest.raises(ImproperlyConfigured, match="SECRET_KEY is not set: wanted"):
        read_environment({"DEBUG": value}, ROOT, serving=True)

    # Django refuses to sign with it; nothing else needs one.
    assert read_environment({"DEBUG": value}, ROOT).secret_key == ""


@pytest.mark.parametrize("serving", [True, False])
def test_the_public_key_is_for_development(serving: bool) -> None:
    """Anybody can sign with it: without DEBUG it is an error, even to who serves nothing."""
    with pytest.raises(ImproperlyConfigured, match="SECRET_KEY is the public one") as caught:
        read_environment({"SECRET_KEY": DEVELOPMENT_KEY}, ROOT, serving=serving)

    assert DEVELOPMENT_KEY not in str(caught.value)
    assert read_environment({"DEBUG": "1", "SECRET_KEY": DEVELOPMENT_KEY}, ROOT).debug


def test_no_secret_is_shown() -> None:
    """Neither of what was read, to whoever prints it, nor of what could not be."""
    values = {"SECRET_KEY": "s3cret", "DATABASE_URL": "postgres://corkboard:s3cret@db/corkboard"}

    assert "s3cret" not in repr(read_environment(values, ROOT))
    with pytest.raises(ImproperlyConfigured) as caught:
        read_environment({**values, "DATABASE_URL": "postgres://corkboard:s3cret@db"}, ROOT)
    assert "DATABASE_URL is 'postgres://(hidden)': wanted sqlite:///PATH" in str(caught.value)
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    ("values", "https"),
    [
        ({}, True),
        ({"DEBUG": "1"}, False),
        ({"HTTPS": "0"}, False),
        ({"DEBUG": "1", "HTTPS": "on"}, True),
    ],
)
def test_https_is_for_production(values: dict[str, str], https: bool) -> None:
    """On unless DEBUG, until somebody says otherwise."""
    assert read_environment(values, ROOT).https is https


@pytest.mark.parametrize("value", ["0", "-1", "1.5", "many", "9" * 5000, "\xb2"])
def test_a_pool_has_a_size(value: str) -> None:
    """A whole number of at least one."""
    with pytest.raises(ImproperlyConfigured, match=r"SITES_POOL_SIZE is .*: wanted a whole number"):
        read_environment({"SITES_POOL_SIZE": value}, ROOT)

    assert read_environment({"SITES_POOL_SIZE": "1"}, ROOT).sites_pool_size == 1


def test_a_folder_of_any_name_holds_the_database(tmp_path: Path) -> None:
    """The default is a path and no address: what is special in one stays a letter."""
    project = tmp_path / "what? 100% #1"
    (project / "django_plugins").mkdir(parents=True)
    (project / "django_plugins" / "plugin.py").touch()

    assert read_environment({}, project).database["NAME"] == project / "db.sqlite3"


def test_root_domains_forgive_blanks_and_case() -> None:
    """A list written by hand need not be tidy."""
    values = {"DEBUG": "1", "ROOT_DOMAINS": " Civic.Band, ,localhost,civic.band, "}

    assert read_environment(values, ROOT).root_domains == ("civic.band", "localhost")


@pytest.mark.parametrize("value", [",", "http://civic.band", ".civic.band", "a b", "-a.band"])
def test_root_domains_are_names(value: str) -> None:
    """What no Host header can match is refused instead of matching nothing."""
    with pytest.raises(ImproperlyConfigured, match="ROOT_DOMAINS"):
        read_environment({"DEBUG": "1", "ROOT_DOMAINS": value}, ROOT)


def test_a_missing_sites_folder_is_fine(tmp_path: Path) -> None:
    """A host without sites is a home page."""
    values = {"DEBUG": "1", "SITES_DIR": str(tmp_path / "later")}

    assert read_environment(values, ROOT).sites_dir == tmp_path / "later"


def test_a_folder_without_plugins_is_refused(tmp_path: Path) -> None:
    """djp would load nothing and say nothing, and every site would be gone."""
    with pytest.raises(ImproperlyConfigured, match="DJP_PLUGINS_DIR") as caught:
        read_environment({"DEBUG": "1", "DJP_PLUGINS_DIR": str(tmp_path)}, ROOT)

    assert str(tmp_path) in str(caught.value)
