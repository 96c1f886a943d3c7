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
    assert environment.database == ROOT / "db.sqlite3"
    assert environment.sites_dir == ROOT / "sites"
    assert environment.root_domains == ("localhost", "civic.band")
    assert environment.plugins_dir == ROOT / "django_plugins"


def test_every_problem_is_reported_at_once(tmp_path: Path) -> None:
    """One start-up shows all that is to be put right: variable, value, wanted."""
    file = tmp_path / "a-file"
    file.touch()
    values = {
        "DEBUG": "perhaps",
        "DATABASE_URL": "postgres://db/corkboard",
        "SITES_DIR": str(file),
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


def test_the_key_is_not_shown() -> None:
    """Whoever prints the environment prints no secret."""
    assert "s3cret" not in repr(read_environment({"SECRET_KEY": "s3cret"}, ROOT))


def test_root_domains_forgive_blanks_and_case() -> None:
    """A list written by hand need not be tidy."""
    values = {"DEBUG": "1", "ROOT_DOMAINS": " Civic.Band, ,localhost,civic.band, "}

    assert read_environment(values, ROOT).root_domains == ("civic.band", "localhost")


@pytest.mark.parametrize("value", [",", "http://civic.band", ".civic.band", "a b", "-a.band"])
def test_root_domains_are_names(value: str) -> None:
    """What no Host header can match is refused instead of matching nothing."""
    with pytest.raises(ImproperlyConfigured, match="ROOT_DOMAINS"):
        read_environment({"DEBUG": "1", "ROOT_DOMAINS": value}, ROOT)


def test_the_database_is_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three slashes start at the current folder, four at the root."""
    monkeypatch.chdir(tmp_path)
    urls = ("sqlite:///here%20too.db", f"sqlite:///{tmp_path}/there.db")

    found = [read_environment({"DEBUG": "1", "DATABASE_URL": url}, ROOT).database for url in urls]

    assert found == [tmp_path / "here too.db", tmp_path / "there.db"]


@pytest.mark.parametrize(
    "url", ["sqlite://", "sqlite:///:memory:", "sqlite:///missing/folder/db", "sqlite:////", "db"]
)
def test_other_databases_are_refused(url: str) -> None:
    """An address that could not be opened fails at start-up, not at the first page."""
    with pytest.raises(ImproperlyConfigured, match="DATABASE_URL"):
        read_environment({"DEBUG": "1", "DATABASE_URL": url}, ROOT)


def test_a_missing_sites_folder_is_fine(tmp_path: Path) -> None:
    """A host without sites is a home page."""
    values = {"DEBUG": "1", "SITES_DIR": str(tmp_path / "later")}

    assert read_environment(values, ROOT).sites_dir == tmp_path / "later"


def test_a_folder_without_plugins_is_refused(tmp_path: Path) -> None:
    """djp would load nothing and say nothing, and every site would be gone."""
    with pytest.raises(ImproperlyConfigured, match="DJP_PLUGINS_DIR") as caught:
        read_environment({"DEBUG": "1", "DJP_PLUGINS_DIR": str(tmp_path)}, ROOT)

    assert str(tmp_path) in str(caught.value)
