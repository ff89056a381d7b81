"""The compose file describes the same processes as the supervisor starts. No engine is needed to read it."""

from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())


def test_the_same_processes_run_as_containers() -> None:
    assert set(COMPOSE["services"]) == {"postgres", "valkey", "models", "worker", "api", "setup"}


def test_every_named_volume_and_dependency_exists() -> None:
    for name, service in COMPOSE["services"].items():
        assert set(service.get("depends_on", [])) <= set(COMPOSE["services"]), name
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            assert source in COMPOSE["volumes"] or (ROOT / source).exists(), (name, volume)


def test_no_secret_has_a_default() -> None:
    text = (ROOT / "docker-compose.yml").read_text()
    for line in text.splitlines():
        assert "PASSWORD:-" not in line, line


def test_the_service_does_not_connect_as_the_owner_of_the_tables() -> None:
    for name in ("api", "worker"):
        environment = COMPOSE["services"][name]["environment"]
        assert "secretariat_app:" in environment["DATABASE_URL"]
        assert "DATABASE_OWNER_URL" not in environment


def test_the_model_server_gets_neither_the_database_nor_the_master_key() -> None:
    models = COMPOSE["services"]["models"]
    assert set(models["environment"]) == {"OPENBLAS_NUM_THREADS"}
    assert not any(volume.startswith("home:") for volume in models["volumes"])


def test_modules_that_the_commands_name_exist() -> None:
    for service in COMPOSE["services"].values():
        command = service.get("command", [])
        if command[:2] == ["python", "-m"]:
            path = ROOT.joinpath(*command[2].split(".")[1:])
            assert path.with_suffix(".py").exists() or (path / "__main__.py").exists(), command


def _stages() -> dict[str, list[str]]:
    """The Dockerfile's instructions by stage, continued lines joined; the last stage is called "image"."""
    text = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
    stages: dict[str, list[str]] = {}
    for line in text.splitlines():
        words = line.split()
        if words[:1] == ["FROM"]:
            stages[words[3] if "AS" in words else "image"] = [line]
        elif words and not line.startswith("#"):
            list(stages.values())[-1].append(line)
    return stages


def test_the_image_has_its_compiled_operations_and_no_compiler() -> None:
    stages = _stages()
    built = "\n".join(stages["kernels"])
    assert "g++" in built
    assert "python -m secretariat.models.commands.kernels /build/kernels" in built
    assert (ROOT / "models" / "commands" / "kernels.py").exists()
    served = stages["service"] + stages["image"]
    assert [
        line for line in served if "--from=kernels" in line and line.endswith("/var/lib/secretariat/kernels")
    ]
    assert [
        line for line in served if line.startswith("ENV") and "SECRETARIAT_HOME=/var/lib/secretariat" in line
    ]
    assert [line for line in served if "apt-get" in line and "libgomp1" in line]
    assert not [line for line in served if "g++" in line or "build-essential" in line]


def test_operations_are_built_from_the_sources_that_the_image_runs() -> None:
    stages = _stages()
    assert stages["kernels"][0].split()[1] == stages["image"][0].split()[1] == "service"
    assert not [line for line in stages["kernels"] + stages["image"] if line.startswith("COPY models")]


def test_no_volume_of_the_model_server_hides_its_compiled_operations() -> None:
    for volume in COMPOSE["services"]["models"]["volumes"]:
        assert not "/var/lib/secretariat/kernels".startswith(volume.split(":")[1].rstrip("/") + "/")
