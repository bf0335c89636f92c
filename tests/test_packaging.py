"""What is shipped: the wheel, the images and the services around them."""

from __future__ import annotations

import re
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("ingest", "service", "eval", "finetune")
WEB = ROOT / "service" / "web"
DATA_SUFFIXES = {".css", ".html", ".js", ".svg", ".toml", ".txt", ".yaml"}
ADAPTER_SUFFIXES = {".gguf", ".json", ".md", ".safetensors"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """The wheel, built from the working tree; the build backend itself comes from a package index."""
    target = tmp_path_factory.mktemp("wheel")
    uv = Path(sys.executable).parent / "uv"
    if not uv.is_file():
        pytest.skip("needs uv beside this Python to build the wheel")
    built = subprocess.run(
        [uv, "build", "--wheel", "--quiet", "--out-dir", target, ROOT],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    if built.returncode != 0 and re.search("network|dns error|connect|fetch|offline", built.stderr):
        pytest.skip(f"needs a package index for the build backend: {built.stderr.strip().splitlines()[0]}")
    assert built.returncode == 0, built.stderr
    (path,) = target.glob("*.whl")
    return zipfile.ZipFile(path)


def test_the_wheel_holds_all_code_and_all_data_of_the_packages(wheel: zipfile.ZipFile) -> None:
    expected = {"troika.py"} | {
        str(path.relative_to(ROOT))
        for package in PACKAGES
        for path in (ROOT / package).rglob("*")
        if path.suffix in {".py", *DATA_SUFFIXES, *ADAPTER_SUFFIXES} and not path.is_relative_to(WEB)
    }
    assert "finetune/configs/sft.yaml" in expected
    held = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert {name for name in held if not name.startswith("service/web/")} == expected


def test_of_the_web_page_the_wheel_holds_what_was_built_alone(wheel: zipfile.ZipFile) -> None:
    held = {name for name in wheel.namelist() if name.startswith("service/web/")}
    if not held:
        pytest.skip("the page could not be built: it needs Node.js and its packages, see `make web`")
    assert {"service/web/dist/index.html", "service/web/dist/docs.html"} <= held
    assert [name for name in held if not name.startswith("service/web/dist/")] == []


def test_the_wheel_installs_the_command(wheel: zipfile.ZipFile) -> None:
    (name,) = [name for name in wheel.namelist() if name.endswith(".dist-info/entry_points.txt")]
    assert "troika = troika:main" in wheel.read(name).decode()


def test_the_image_needs_nothing_that_the_context_leaves_out() -> None:
    ignored = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    assert "*" in ignored
    sent = {line.removeprefix("!") for line in ignored if line.startswith("!")}
    copies = re.findall(r"^COPY ((?:[\w.-]+ )+)\./", (ROOT / "Dockerfile").read_text("utf-8"), re.MULTILINE)
    copied = {name for names in copies for name in names.split()}
    assert copied == sent
    assert {"troika.py", *PACKAGES} <= copied
    assert [name for name in copied if not (ROOT / name).exists()] == []


def test_the_image_installs_the_torch_of_the_makefile() -> None:
    version = re.search(r"^TORCH_VERSION := (\S+)$", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    assert version is not None
    assert f"ARG TORCH_VERSION={version[1]}\n" in (ROOT / "Dockerfile").read_text("utf-8")
    assert f"torch=={version[1]}\n" in (ROOT / "constraints.txt").read_text("utf-8")


def test_both_images_run_as_a_user_without_rights() -> None:
    stages = re.split(r"^FROM ", (ROOT / "Dockerfile").read_text("utf-8"), flags=re.MULTILINE)
    users = {
        match[1]: re.findall(r"^USER (\d+):\d+$", stage, re.MULTILINE)[-1:]
        for stage in stages
        if (match := re.match(r"runtime AS (\w+)\n", stage))
    }
    assert users == {"cpu": ["10001"], "cuda": ["10001"]}


@pytest.fixture(scope="module")
def services() -> dict[str, dict[str, Any]]:
    return yaml.safe_load((ROOT / "compose.yaml").read_text("utf-8"))["services"]


def test_one_service_runs_unless_a_profile_is_asked_for(services: dict[str, dict[str, Any]]) -> None:
    assert {name: service.get("profiles") for name, service in services.items()} == {
        "troika": None,
        "troika-vllm": ["gpu"],
        "vllm": ["gpu"],
        "postgres": ["postgres"],
        "milvus": ["milvus"],
    }


def test_services_are_pinned_and_watched(services: dict[str, dict[str, Any]]) -> None:
    foreign = {name: service for name, service in services.items() if "build" not in service}
    assert [
        name for name, service in foreign.items() if not re.search(r":v?\d+\.\d+", service["image"])
    ] == []
    assert [name for name, service in foreign.items() if "healthcheck" not in service] == []
    assert "HEALTHCHECK" in (ROOT / "Dockerfile").read_text("utf-8")


def test_ports_are_open_to_this_machine_alone(services: dict[str, dict[str, Any]]) -> None:
    ports = [port for service in services.values() for port in service.get("ports", [])]
    assert ports
    assert [port for port in ports if not port.startswith("127.0.0.1:")] == []


def test_no_password_is_committed(services: dict[str, dict[str, Any]]) -> None:
    given = {
        f"{name} {key}": value
        for name, service in services.items()
        for key, value in service.get("environment", {}).items()
        if re.search("PASSWORD|SECRET|TOKEN|KEY", key) and not key.endswith("_FILE")
    }
    assert [key for key, value in given.items() if value is not None] == []


def test_the_services_set_only_settings_that_exist(services: dict[str, dict[str, Any]]) -> None:
    from ingest.settings import leaf_keys

    text = (ROOT / "Dockerfile").read_text("utf-8") + (ROOT / "compose.yaml").read_text("utf-8")
    named = re.findall(r"\bTROIKA_(\w+)[=:] ?(?!-)", text)
    known = {key.upper().replace(".", "__") for key in leaf_keys()}
    assert {"HOME", "GENERATOR__KIND"} <= set(named) <= known
