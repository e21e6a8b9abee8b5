"""aiohttp: 32 connections on one uvloop."""

import asyncio
import base64
import ssl

import aiohttp
import uvloop
from push_words import asked, job, measured

CONNECTIONS = 32
given = job()


async def work() -> None:
    context = ssl.create_default_context(cafile=given["bundle"])
    basic = "Basic " + base64.b64encode(f"{given['account']}:{given['token']}".encode()).decode()
    headers = {"Authorization": basic} if given["channel"] == "sms" else {}
    numbers = iter(range(given["count"]))
    lines = aiohttp.TCPConnector(limit=CONNECTIONS, ssl=context)
    async with aiohttp.ClientSession(connector=lines, headers=headers) as kept:

        async def one() -> None:
            for number in numbers:
                url, kwargs = asked(given, number)
                async with kept.post(url, **kwargs) as answer:
                    assert answer.status == 201
                    assert (await answer.json())["sid"]

        await asyncio.gather(*(one() for _ in range(CONNECTIONS)))


measured(given["count"], lambda: uvloop.run(work()))
