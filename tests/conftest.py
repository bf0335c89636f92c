"""What all tests share: no network, one export of the embedding model, a home of one's own."""

from __future__ import annotations

import ast
import fcntl
import gc
import hashlib
import locale
import os
import socket
import sys
import threading
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field
from functools import lru_cache, wraps
from pathlib import Path
from typing import Any

import hypothesis
import pytest

from ingest.embed import PRESETS, Embedder, EmbedderSpec, load_embedder
from ingest.settings import EmbedderSettings, Settings, load_settings

_SHARED = Path(os.environ.pop("SHARED_FOLDER", Path(__file__).parents[2] / "shared"))
_LOCALE = locale.setlocale(locale.LC_ALL)
_LOOPBACK = ("127.", "::1", "localhost")

# Read by the libraries when they are loaded, so they are set before the first of them is.
os.environ |= {
    "GOMP_SPINCOUNT": "10000",
    "HF_HUB_OFFLINE": "1",
    "OMP_WAIT_POLICY": "passive",
    "TOKENIZERS_PARALLELISM": "false",
}
if "PYTEST_XDIST_WORKER" in os.environ:  # the processes share the cores, each in place of threads
    os.environ.setdefault("OMP_NUM_THREADS", "1")
# Hundreds of processes are started, and all would compile the same modules anew.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False
for _name in [name for name in os.environ if name.startswith("TROIKA_")]:
    del os.environ[_name]

hypothesis.settings.register_profile("troika", deadline=None, max_examples=40, derandomize=True)
hypothesis.settings.load_profile("troika")

_one_tree = threading.RLock()
_parse = ast.parse


@wraps(_parse)
def _parse_alone(*arguments: Any, **options: Any) -> ast.AST:
    with _one_tree:
        return _parse(*arguments, **options)


# CPython 3.11 counts the depth of syntax trees for all threads together and raises SystemError where two are
# made at once (python/cpython#106905): numpy reads an array's header as one while pytest rewrites a module,
# and the callback with which Hypothesis times the collection of garbage lets the one in between the other.
ast.parse = _parse_alone

_LONGEST = frozenset(
    (
        "test_architecture.py",
        "test_damage.py",
        "test_failing_disk.py",
        "test_front_door.py",
        "test_kill.py",
        "test_packaging.py",
        "test_pool.py",
        "test_readme.py",
    )
)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """What is loaded here stays to the end: no collection of garbage has to go through it again and again."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that take longest: the other processes have something to do meanwhile."""
    items.sort(key=lambda item: item.path.name not in _LONGEST)


def pytest_runtest_call() -> None:
    """Milvus Lite and Ray set the locale of the process to C, in which a test's output is no UTF-8."""
    locale.setlocale(locale.LC_ALL, _LOCALE)


@pytest.fixture
def anyio_backend() -> str:
    """Asynchronous tests run on asyncio."""
    return "asyncio"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder with the development data; tests that need it are skipped where it is not."""
    data = _SHARED / "data"
    if not data.is_dir():
        pytest.skip("the development data are not here: set SHARED_FOLDER to the folder that holds data/")
    return data


@dataclass
class NetworkGuard:
    """Refuses every connection beyond this machine, and remembers what was tried."""

    attempts: list[str] = field(default_factory=list[str])

    def check(self, host: object) -> None:
        """Raise unless ``host`` is this machine."""
        name = host.decode() if isinstance(host, bytes) else host
        if name and not str(name).startswith(_LOOPBACK):
            self.attempts.append(str(name))
            raise ConnectionRefusedError(f"a test may not reach {name}")


@pytest.fixture(autouse=True)
def network_guard(monkeypatch: pytest.MonkeyPatch) -> Iterator[NetworkGuard]:
    """Fail any test that connects to, or looks up, another machine, even if it hides the refusal."""
    guard = NetworkGuard()
    for name in ("connect", "connect_ex"):
        monkeypatch.setattr(socket.socket, name, _guarded(guard, getattr(socket.socket, name)))
    look_up = socket.getaddrinfo

    def guarded_look_up(host: Any, *arguments: Any, **options: Any) -> Any:
        guard.check(host)
        return look_up(host, *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", guarded_look_up)
    yield guard
    assert not guard.attempts, f"the test tried to reach {', '.join(guard.attempts)}"


def _guarded(guard: NetworkGuard, connect: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    def guarded(self: socket.socket, address: Any) -> Any:
        if self.family in (socket.AF_INET, socket.AF_INET6):
            guard.check(address[0])
        return connect(self, address)

    return guarded


@pytest.fixture(scope="session")
def shared_models(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home's folder of models, kept between runs, because the export takes most of a minute."""
    exporter = Path(__file__).parents[1] / "ingest" / "embedders" / "openvino_export.py"
    version = hashlib.sha256(exporter.read_bytes()).hexdigest()[:12]
    cache = request.config.cache
    models = Path(cache.mkdir(f"models-{version}")) if cache else tmp_path_factory.mktemp("models")
    with (models / "lock").open("w") as lock:  # one of the processes that test exports, the others wait
        fcntl.flock(lock, fcntl.LOCK_EX)
        load_embedder(PRESETS["minilm"], EmbedderSettings(), models)
    return models


@pytest.fixture(scope="session")
def embedder(shared_models: Path) -> Embedder:
    """The default embedder: MiniLM through OpenVINO."""
    return load_embedder(PRESETS["minilm"], EmbedderSettings(threads=2), shared_models)


@pytest.fixture(scope="session")
def open_once() -> Callable[..., Embedder]:
    """In place of ``OpenVinoEmbedder.open``: opens each embedder once a process."""
    from ingest.embedders.openvino import OpenVinoEmbedder

    opened = lru_cache(maxsize=4)(OpenVinoEmbedder.open)

    def open_or_share(spec: EmbedderSpec, models: Path, threads: int, batch_size: int) -> Embedder:
        return opened(spec, models.resolve(), threads, batch_size)

    return open_or_share


@pytest.fixture
def shared_embedders(monkeypatch: pytest.MonkeyPatch, open_once: Callable[..., Embedder]) -> None:
    """Let all that a test opens in this process share its embedders: to compile one takes half a second."""
    monkeypatch.setattr("ingest.embedders.openvino.OpenVinoEmbedder.open", open_once)


@pytest.fixture
def home(tmp_path: Path, shared_models: Path) -> Path:
    """A TROIKA_HOME of this test's own that has the models."""
    home = tmp_path / "home"
    home.mkdir()
    (home / "models").symlink_to(shared_models)
    return home


@pytest.fixture
def settings(home: Path, tmp_path: Path) -> Settings:
    """The defaults, with a home of this test's own."""
    return load_settings({"home": home}, environment={}, directory=tmp_path)
