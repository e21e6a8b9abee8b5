"""Prefect: one task run a recipient, mapped, each sending its letter with smtplib; a local server, as by default."""

import os
import smtplib

from standing import job, letter, measured

given = job()
os.environ.update(
    PREFECT_HOME=given["folder"],
    PREFECT_LOGGING_LEVEL="ERROR",
    PREFECT_SERVER_ANALYTICS_ENABLED="false",
    PREFECT_SERVER_ALLOW_EPHEMERAL_MODE="true",
    PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS="120",
)

from prefect import flow, task  # noqa: E402


@task
def tell(number: int) -> None:
    with smtplib.SMTP("127.0.0.1", given["port"]) as session:
        session.send_message(letter(given["letter"], number))


@flow
def everybody(count: int) -> None:
    tell.map(range(count)).result()


everybody(1)  # the server is up before the clock starts
measured(given["count"], lambda: everybody(given["count"]))
