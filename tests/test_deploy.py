"""What is deployed fits together, and what watches it names metrics that there are."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import kubernetes_validate
import promql_parser
import pytest
import yaml

from ingest.settings import load_settings
from service.observe.catalog import CatalogMetrics
from service.observe.observation import Observation
from service.pipelines import CollectionSummary
from service.server import GRACE_SECONDS

ROOT = Path(__file__).parents[1]
DEPLOY = ROOT / "deploy"
KUBERNETES = "1.34"
FOLDERS = ("base", "vllm", "monitoring")
VLLM_METRICS = {
    "vllm:num_requests_running",
    "vllm:num_requests_waiting",
    "vllm:prefix_cache_hits_total",
    "vllm:prefix_cache_queries_total",
    "vllm:kv_cache_usage_perc",
}
OF_PROMETHEUS = {"up"}


@cache
def documents(folder: str) -> tuple[dict[str, Any], ...]:
    paths = sorted((DEPLOY / "kubernetes" / folder).glob("*.yaml"))
    return tuple(found for path in paths for found in yaml.safe_load_all(path.read_text("utf-8")))


def resource(folder: str, kind: str, name: str = "troika") -> dict[str, Any]:
    (found,) = [
        each
        for each in documents(folder)
        if (each["kind"], each.get("metadata", {}).get("name")) == (kind, name)
    ]
    return found


def pod(folder: str, name: str = "troika") -> dict[str, Any]:
    return resource(folder, "Deployment", name)["spec"]["template"]["spec"]


@pytest.mark.parametrize("folder", FOLDERS)
def test_each_manifest_is_as_kubernetes_describes_it(folder: str) -> None:
    checked = [
        kubernetes_validate.validate(each, KUBERNETES, strict=True)
        for each in documents(folder)
        if each["kind"] not in ("Kustomization", "ServiceMonitor")  # those are of extensions
        and not (folder == "vllm" and each["kind"] == "ConfigMap")  # a patch
    ]
    assert checked


@pytest.mark.parametrize("folder", FOLDERS)
def test_kustomize_finds_every_manifest(folder: str) -> None:
    place = DEPLOY / "kubernetes" / folder
    (kustomization,) = [each for each in documents(folder) if each["kind"] == "Kustomization"]
    named = [*kustomization["resources"], *(patch["path"] for patch in kustomization.get("patches", ()))]
    assert all((place / name).exists() for name in named)
    there = {path.name for path in place.glob("*.yaml")} - {"kustomization.yaml"}
    assert there == {name for name in named if name.endswith(".yaml")}


def test_what_the_manifests_set_are_settings(tmp_path: Path) -> None:
    environment = {**resource("base", "ConfigMap")["data"], **resource("vllm", "ConfigMap")["data"]}
    settings = load_settings(environment=environment, directory=tmp_path)
    service = resource("vllm", "Service", "vllm")
    assert settings.generator.base_url == f"http://vllm:{service['spec']['ports'][0]['port']}/v1"
    (container,) = pod("base")["containers"]
    names = {variable["name"] for variable in container["env"]}
    load_settings(environment=dict.fromkeys(names, "postgresql://host/name"), directory=tmp_path)


def test_a_pod_has_the_time_to_end_without_dropping_a_request(tmp_path: Path) -> None:
    settings = load_settings(environment=resource("base", "ConfigMap")["data"], directory=tmp_path)
    spec = pod("base")
    (container,) = spec["containers"]
    needed = settings.server.drain_seconds + GRACE_SECONDS
    assert spec["terminationGracePeriodSeconds"] > needed
    probe = container["readinessProbe"]
    assert probe["periodSeconds"] * probe["failureThreshold"] < settings.server.drain_seconds


@pytest.mark.parametrize(("folder", "name"), [("base", "troika"), ("vllm", "vllm")])
def test_a_pod_may_do_nothing_that_it_need_not(folder: str, name: str) -> None:
    spec = pod(folder, name)
    assert spec["automountServiceAccountToken"] is False
    assert spec["securityContext"]["runAsNonRoot"]
    (container,) = spec["containers"]
    guard = container["securityContext"]
    assert guard["readOnlyRootFilesystem"]
    assert not guard["allowPrivilegeEscalation"]
    assert guard["capabilities"] == {"drop": ["ALL"]}
    assert container["resources"]["limits"]["memory"]
    for kind in ("startupProbe", "livenessProbe", "readinessProbe"):
        assert container[kind]["httpGet"]["port"] == container["ports"][0]["name"]


def test_the_manifests_and_compose_agree_on_images_and_the_user() -> None:
    services = yaml.safe_load((ROOT / "compose.yaml").read_text("utf-8"))["services"]
    assert pod("vllm", "vllm")["containers"][0]["image"] == services["vllm"]["image"]
    assert pod("base")["containers"][0]["image"] == services["troika"]["image"]
    user = re.search(r"^USER (\d+):(\d+)$", (ROOT / "Dockerfile").read_text("utf-8"), re.MULTILINE)
    assert user
    context = pod("base")["securityContext"]
    assert [context["runAsUser"], context["runAsGroup"]] == [int(number) for number in user.groups()]


def test_answers_stream_through_the_ingress() -> None:
    ingress = resource("base", "Ingress")
    annotations = ingress["metadata"]["annotations"]
    assert annotations["nginx.ingress.kubernetes.io/proxy-buffering"] == "off"
    assert int(annotations["nginx.ingress.kubernetes.io/proxy-read-timeout"]) > 60
    backend = ingress["spec"]["rules"][0]["http"]["paths"][0]["backend"]["service"]
    service = resource("base", "Service")
    assert backend == {
        "name": service["metadata"]["name"],
        "port": {"name": service["spec"]["ports"][0]["name"]},
    }


@cache
def known_metrics() -> dict[str, set[str]]:
    """Every series that ``/metrics`` can hold, with its labels."""
    observation = Observation()
    observation.registry.register(
        CatalogMetrics(lambda: [CollectionSummary("default", "snapshot-1", 1, 1)], lambda: "base")
    )
    known: dict[str, set[str]] = {}
    for collector in list(observation.registry._collector_to_names):  # pyright: ignore[reportPrivateUsage]
        labels = set(getattr(collector, "_labelnames", ()))
        for family in collector.collect():
            found = labels.union(*(sample.labels for sample in family.samples))
            suffixes = {
                "counter": ("_total",),
                "histogram": ("_bucket", "_sum", "_count"),
            }.get(family.type, ("",))
            known |= {family.name + suffix: found | {"le"} for suffix in suffixes}
    return known


@cache
def queries() -> dict[str, str]:
    """Every PromQL expression, by where it stands."""
    dashboard = json.loads((DEPLOY / "grafana" / "troika.json").read_text("utf-8"))
    found = {
        f"{panel['title']} {target['refId']}": target["expr"].replace("$__rate_interval", "5m")
        for panel in dashboard["panels"]
        for target in panel.get("targets", ())
    }
    rules = yaml.safe_load((DEPLOY / "prometheus" / "rules.yaml").read_text("utf-8"))
    return found | {rule["alert"]: rule["expr"] for group in rules["groups"] for rule in group["rules"]}


def selectors(expression: Any) -> Iterator[Any]:
    """The vector selectors below a parsed expression."""
    if isinstance(expression, promql_parser.VectorSelector):
        yield expression
    for name in ("expr", "lhs", "rhs", "vector_selector"):
        if (below := getattr(expression, name, None)) is not None:
            yield from selectors(below)
    for below in getattr(expression, "args", ()):
        yield from selectors(below)


@pytest.mark.parametrize("place", queries())
def test_every_query_names_metrics_and_labels_that_there_are(place: str) -> None:
    query = queries()[place]
    found = list(selectors(promql_parser.parse(query)))
    assert found
    grouped = {name for names in re.findall(r"by \(([^)]*)\)", query) for name in re.split(r",\s*", names)}
    for selector in found:
        if selector.name in VLLM_METRICS | OF_PROMETHEUS:
            continue
        assert selector.name in known_metrics()
        wanted = {matcher.name for matcher in selector.matchers.matchers} | grouped
        assert wanted <= known_metrics()[selector.name]


def test_the_dashboard_has_room_for_each_panel() -> None:
    panels = json.loads((DEPLOY / "grafana" / "troika.json").read_text("utf-8"))["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        at = panel["gridPos"]
        cells = {
            (column, line)
            for column in range(at["x"], at["x"] + at["w"])
            for line in range(at["y"], at["y"] + at["h"])
        }
        assert not cells & taken
        assert at["x"] + at["w"] <= 24
        taken |= cells


def test_what_alerts_says_how_bad_it_is_and_what_is_the_matter() -> None:
    rules = yaml.safe_load((DEPLOY / "prometheus" / "rules.yaml").read_text("utf-8"))
    for rule in rules["groups"][0]["rules"]:
        assert rule["labels"]["severity"] in ("warning", "critical")
        assert rule["annotations"]["summary"]
        assert rule["for"]
