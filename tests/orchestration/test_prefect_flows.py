"""The flows themselves, run by Prefect against an embedded server: they finish, leave pictures, and leak nobody."""

import asyncio
import json
import os
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from flows import engine

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(180),
    pytest.mark.filterwarnings("default"),  # Prefect leaves sockets to the garbage collector
]


@pytest.fixture(scope="module")
def prefect(tmp_path_factory: pytest.TempPathFactory) -> Iterator[engine.Server]:
    """One embedded server for the module; the variables of the tests before it come back afterwards."""
    before = dict(os.environ)
    with engine.running(tmp_path_factory.mktemp("prefect")) as server:
        server.wait()
        os.environ.update(server.environment)
        yield server
    os.environ.clear()
    os.environ.update(before)


def ask(server: engine.Server, path: str) -> list[dict[str, Any]]:
    request = urllib.request.Request(
        server.environment["PREFECT_API_URL"] + path, data=b"{}", headers={"content-type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        found: list[dict[str, Any]] = json.load(answer)
    return found


def test_the_flows_run_the_plan_and_show_it_without_personal_data(
    prefect: engine.Server, installation, prepare: Callable[..., str], secrets: tuple[str, ...]
) -> None:
    from flows.report import report
    from flows.respond import respond
    from flows.watch import watch

    house = installation.house
    incident = prepare(house)

    waiting = asyncio.run(respond(incident))
    path = asyncio.run(report(incident, "cn-cac-incident"))
    seen = asyncio.run(watch(drive=False))

    assert any(line.startswith("notify: receipts") for line in waiting)
    assert path.endswith("cn-cac-incident-initial-v1.pdf")
    assert seen["overdue"] == 0
    runs = ask(prefect, "/flow_runs/filter")
    assert {run["state_type"] for run in runs if incident in json.dumps(run)} == {"COMPLETED"}
    artifacts = ask(prefect, "/artifacts/filter")
    keys = {artifact["key"] for artifact in artifacts}
    assert {f"deadlines-{incident}", f"funnel-{incident}", f"plan-{incident}"} <= keys
    shown = [runs, artifacts, ask(prefect, "/task_runs/filter"), ask(prefect, "/logs/filter")]
    everything = json.dumps(shown, ensure_ascii=False)
    assert [secret for secret in secrets if secret in everything] == []


def test_a_run_is_refused_while_another_live_process_has_the_incident(
    prefect: engine.Server, installation, prepare: Callable[..., str]
) -> None:
    from flows.respond import respond
    from flows.steps import responding

    house = installation.house
    incident = prepare(house, upto="declared")
    owner = responding.take(house, incident)
    assert owner is not None

    assert asyncio.run(respond(incident)) == ["another run of this incident"]
    responding.give_back(house, incident, owner)
    assert asyncio.run(respond(incident)) != ["another run of this incident"]
