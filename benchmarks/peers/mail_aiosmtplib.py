"""aiosmtplib: eight kept sessions on one uvloop."""

import asyncio

import aiosmtplib
import uvloop
from standing import job, letter, measured

SESSIONS = 8
given = job()


async def work() -> None:
    numbers = iter(range(given["count"]))

    async def one() -> None:
        async with aiosmtplib.SMTP(hostname="127.0.0.1", port=given["port"], start_tls=False) as session:
            for number in numbers:
                await session.send_message(letter(given["letter"], number))

    await asyncio.gather(*(one() for _ in range(SESSIONS)))


measured(given["count"], lambda: uvloop.run(work()))
