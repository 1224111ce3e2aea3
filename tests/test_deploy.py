"""What cannot be started here is read: Dockerfile, compose.yaml, the proxy's site and README agree with each other."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from fnmatch import fnmatch
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml
from sqlalchemy.engine import make_url

from metrics import Metrics
from news.__main__ import VERBS
from tests.test_house import ROOMS

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")
SITE = (ROOT / "deploy" / "nginx.conf").read_text("utf-8")
GIVEN = {"POSTGRES_PASSWORD": "secret42"}


def instructions() -> list[tuple[str, str]]:
    """The Dockerfile, an instruction a pair."""
    text = re.sub(r"\\\n\s*", "", (ROOT / "Dockerfile").read_text("utf-8"))
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return [(word, rest.strip()) for word, _, rest in (line.partition(" ") for line in lines)]


def all_of(name: str) -> list[str]:
    return [rest for word, rest in instructions() if word == name]


def copied() -> list[str]:
    """What the image holds of ours."""
    return [source for line in all_of("COPY") for source in shlex.split(line)[:-1]]


def command() -> list[str]:
    (found,) = all_of("CMD")
    return list(json.loads(found))


def interpolated(value: Any) -> Any:
    """Compose's ${NAME}, ${NAME:-default} and ${NAME:?reason}."""

    def read(match: re.Match[str]) -> str:
        name, default = match["name"], match["default"]
        assert name in GIVEN or default is not None, f"{name} has neither a value nor a default"
        return GIVEN.get(name, default or "")

    if isinstance(value, dict):
        return {key: interpolated(one) for key, one in value.items()}
    if isinstance(value, list):
        return [interpolated(one) for one in value]
    pattern = r"\$\{(?P<name>\w+)(?::\?[^}]*|:-(?P<default>[^}]*))?\}"
    return re.sub(pattern, read, value) if isinstance(value, str) else value


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    found: dict[str, Any] = interpolated(yaml.safe_load((ROOT / "compose.yaml").read_text("utf-8")))
    return found


def services(compose: dict[str, Any], kind: str) -> dict[str, Any]:
    """The services whose names begin so."""
    return {name: service for name, service in compose["services"].items() if name.startswith(kind)}


def test_the_image_holds_all_that_the_program_is_made_of_and_no_more() -> None:
    sources = copied()
    assert [name for name in sources if not (ROOT / name).exists()] == []
    modules = {path.name for path in ROOT.glob("*.py")}
    assert {name for name in sources if "." not in name or name.endswith(".py")} == {*ROOMS, *modules}
    assert {"requirements.txt", "requirements-server.txt", ".streamlit/config.toml"} <= set(sources)


def test_what_is_copied_goes_to_the_builder_and_secrets_do_not() -> None:
    lines = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    ignored = [line for line in lines if line and not line.startswith("#")]

    def kept_out(path: str) -> bool:
        return any(fnmatch(path, line) or path.startswith(f"{line}/") for line in ignored)

    assert [name for name in copied() if kept_out(name)] == []
    for secret in (".streamlit/secrets.toml", "data/broadsheet.db", ".git/config", ".venv/bin/python"):
        assert kept_out(secret)


def test_the_image_installs_what_runs_and_not_what_tests() -> None:
    (install,) = [line for line in all_of("RUN") if "pip install" in line]
    assert install.endswith("-r requirements-server.txt")

    def packages(path: Path) -> Iterator[str]:
        for line in path.read_text("utf-8").splitlines():
            if line.startswith("-r "):
                yield from packages(path.parent / line[3:])
            elif line:
                yield re.split("[=>\\[]", line)[0].lower()

    installed = set(packages(ROOT / "requirements-server.txt"))
    assert {"streamlit", "procrastinate", "prometheus-client"} <= installed
    assert not installed & {"pytest", "mypy", "ruff", "playwright", "hypothesis", "pyyaml"}


def test_the_image_runs_as_a_user_without_rights() -> None:
    words = [word for word, _ in instructions()]
    (user,) = all_of("USER")
    assert user not in ("root", "0")
    assert any(f" {user} " in f"{line} " for line in all_of("RUN"))
    assert words.index("USER") < words.index("CMD")
    assert "USER" not in words[words.index("USER") + 1 :]


def test_the_image_listens_where_it_says_and_is_asked_there_whether_it_is_ready() -> None:
    words = command()
    assert words[:4] == ["python", "-m", "streamlit", "run"]
    assert (ROOT / words[4]).is_file()
    port = words[words.index("--server.port") + 1]
    assert all_of("EXPOSE") == [port]
    (health,) = all_of("HEALTHCHECK")
    asked = json.loads(health.partition("CMD ")[2])
    compile(asked[2], "healthcheck", "exec")
    assert f"127.0.0.1:{port}/ready" in asked[2]


def test_two_apps_two_workers_a_database_and_a_proxy_are_started(compose: dict[str, Any]) -> None:
    assert sorted(compose["services"]) == ["app-1", "app-2", "database", "proxy", "worker-1", "worker-2"]
    for name, service in compose["services"].items():
        assert service["restart"] == "unless-stopped", name
    for service in services(compose, "worker").values():
        python, flag, module, verb = service["command"]
        assert (python, flag) == ("python", "-m")
        assert import_module(f"{module}.__main__")
        assert verb in VERBS


def test_who_waits_for_another_can_know_that_it_is_ready(compose: dict[str, Any]) -> None:
    has_check = {name for name, service in compose["services"].items() if "healthcheck" in service}
    has_check |= set(services(compose, "app"))  # the image's own
    for name, service in compose["services"].items():
        for needed, how in service.get("depends_on", {}).items():
            assert needed in compose["services"], name
            assert how == {"condition": "service_healthy"}
            assert needed in has_check


def test_apps_and_workers_use_the_database_that_is_started(compose: dict[str, Any]) -> None:
    told = compose["services"]["database"]["environment"]
    for kind in ("app", "worker"):
        for service in services(compose, kind).values():
            url = make_url(service["environment"]["DATABASE_URL"])
            assert url.host == "database"
            assert url.database == told["POSTGRES_DB"]
            assert (url.username, url.password) == (told["POSTGRES_USER"], told["POSTGRES_PASSWORD"])


def test_the_password_of_the_database_must_be_given() -> None:
    text = (ROOT / "compose.yaml").read_text("utf-8")
    assert text.count("${POSTGRES_PASSWORD") == text.count("${POSTGRES_PASSWORD:?") > 0


def test_every_setting_that_is_passed_on_is_one_that_the_readme_tells(compose: dict[str, Any]) -> None:
    for kind in ("app", "worker"):
        for service in services(compose, kind).values():
            assert [name for name in service["environment"] if f"`{name}`" not in README] == []


def test_the_proxy_serves_every_app_and_nothing_else_is_open_to_the_world(compose: dict[str, Any]) -> None:
    (port,) = all_of("EXPOSE")
    upstream = re.findall(r"server ([\w-]+):(\d+)", SITE)
    assert upstream == [(name, port) for name in services(compose, "app")]
    assert all(service["expose"] == [port] for service in services(compose, "app").values())
    assert [name for name, service in compose["services"].items() if "ports" in service] == ["proxy"]
    proxy = compose["services"]["proxy"]
    ((outer, inner),) = [ports.split(":") for ports in proxy["ports"]]
    assert f"listen {inner};" in SITE
    assert f"http://localhost:{outer}" in README
    assert set(proxy["depends_on"]) == set(services(compose, "app"))


def test_volumes_are_named_and_files_that_are_mounted_exist(compose: dict[str, Any]) -> None:
    named = set()
    for service in compose["services"].values():
        for volume in service.get("volumes", ()):
            source = volume.split(":")[0]
            if source.startswith("."):
                assert (ROOT / source).is_file(), source
            else:
                named.add(source)
    assert named == set(compose["volumes"])


def test_the_proxy_passes_websockets_on_and_keeps_the_figures_inside() -> None:
    assert "proxy_set_header Upgrade $http_upgrade;" in SITE
    assert "proxy_http_version 1.1;" in SITE
    assert re.search(r"location = /metrics \{ return 404; \}", SITE)
    assert "$remote_addr" not in SITE.partition("log_format")[2].partition(";")[0]


OPERATIONS = (ROOT / "docs" / "operations.md").read_text("utf-8")


def source() -> str:
    """The program's text, with strings that go on in the next line put together."""
    files = [path for room in ROOMS for path in (ROOT / room).rglob("*.py")] + list(ROOT.glob("*.py"))
    return re.sub(r'"\s*\n\s*f?"', "", "\n".join(path.read_text("utf-8") for path in files))


def test_what_the_page_on_operations_quotes_is_what_the_program_says() -> None:
    text = source()
    table = OPERATIONS.partition("## What a failure looks like")[2].partition("\n## ")[0]
    said = [words for row in table.splitlines() for words in re.findall(r'"([^"]{20,})"', row.partition(" | ")[0])]
    assert len(said) > 5
    assert [words for words in said if words.replace("Groq", "{place}") not in text] == []
    events = set(re.findall(r"event=(\w+)", OPERATIONS))
    assert len(events) > 5
    assert [event for event in events if f'"{event}"' not in text] == []


def test_the_page_on_operations_names_every_figure_and_no_other() -> None:
    page = Metrics(lambda: dict.fromkeys(("streams_running", "streams_waiting", "feeds_due"), ("", 0))).page().decode()
    there = {name for name in re.findall(r"^# TYPE (\w+)", page, re.MULTILINE) if not name.endswith("_created")}
    told = set(re.findall(r"`((?:broadsheet|process)_\w+)", OPERATIONS))
    assert told - there == set()
    assert {name for name in there if name.startswith("broadsheet")} - told == set()


def test_commands_that_the_page_on_operations_gives_name_what_is_there(compose: dict[str, Any]) -> None:
    for command in re.findall(r"^docker compose (.+)$", OPERATIONS, re.MULTILINE):
        words = shlex.split(command)
        if words[0] in ("stop", "restart"):
            assert set(words[1:]) <= set(compose["services"])
        if "-m" in words:
            assert import_module(f"{words[words.index('-m') + 1]}.__main__")
