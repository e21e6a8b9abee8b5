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


@pytest.mark.parametrize("installation", ["postgresql"], indirect=True)
def test_a_work_pool_is_asked_for_senders_once_and_one_run_of_send_tells_everybody(
    prefect: engine.Server, installation, prepare: Callable[..., str], secrets: tuple[str, ...]
) -> None:
    from flows import deployments
    from flows.respond import respond
    from flows.send import send

    incident = prepare(installation.house)
    path = installation.folder / "settings.yaml"
    path.write_text(path.read_text() + "senders: {work_pool: many, runs: 2}\n")
    asyncio.run(deployments.deploy("many"))

    asyncio.run(respond(incident))
    asyncio.run(respond(incident))

    def asked() -> list[dict[str, Any]]:
        found = ask(prefect, "/flow_runs/filter")
        return [run for run in found if run["parameters"] == {"incident": incident} and run["deployment_id"]]

    assert {(run["state_type"], run["work_pool_name"]) for run in asked()} == {("SCHEDULED", "many")}
    assert len(asked()) == 2
    assert list(installation.outbox.glob("*.jsonl")) == []

    told = asyncio.run(send(incident))
    again = asyncio.run(send(incident))

    assert told["messages"] >= 5
    assert again["messages"] == 0
    assert [secret for secret in secrets if secret in json.dumps(asked(), ensure_ascii=False)] == []


@pytest.mark.parametrize("installation", ["sqlite"], indirect=True)
def test_where_no_worker_takes_the_senders_respond_sends_itself_and_says_so(
    prefect: engine.Server, installation, prepare: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from flows import deployments, send
    from flows.steps import notifying

    house = installation.house
    incident = prepare(house)
    path = installation.folder / "settings.yaml"
    path.write_text(path.read_text() + "senders: {work_pool: empty, runs: 1}\n")
    asyncio.run(deployments.deploy("empty"))
    asked = notifying.run(installation.house, incident, crew=send.elsewhere)
    monkeypatch.setattr(send, "UNTAKEN_SECONDS", 0)

    done = notifying.run(installation.house, incident, crew=send.elsewhere)

    assert "1 senders asked of work pool empty" in asked.did
    assert any("messages handed to providers" in line for line in done.did)
    assert any("no worker of work pool empty takes the senders" in line for line in done.did)
