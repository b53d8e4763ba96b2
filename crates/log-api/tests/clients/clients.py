"""Follows a stream with one Python library, as docs/CLIENTS.md shows it, and prints what it got.

    clients.py LIBRARY URL TOKEN

Each line of the log is printed as {"id", "text"}, a gap as {"gap"}, the end as {"done"}. A text of more than 1,000 characters is
printed as its length. Nothing else goes to standard output.
"""

import asyncio
import json
import re
import sys
import time
from datetime import timedelta

LIBRARY, URL, TOKEN = sys.argv[1:4]
HEADERS = {"Authorization": f"Bearer {TOKEN}"}
# Longer than the longest silence of the service (25 s).
SILENCE = 35
PAUSE = 0.2


class Broken(Exception):
    """The stream ended before its `done`."""


class ComeBack(Exception):
    """An answer that is not final."""

    def __init__(self, seconds):
        self.seconds = seconds


def may_come_back(status, retry_after=None):
    """Raises where the answer asks to come back. Every other status that is not 2xx is final."""
    if status in (429, 502, 503, 504):
        raise ComeBack(int(retry_after or (15 if status == 429 else 5)))


class Follower:
    """What every program has to keep: the cursor."""

    def __init__(self):
        self.cursor = None

    def headers(self):
        return HEADERS | ({"Last-Event-ID": self.cursor} if self.cursor else {})

    def take(self, name, event_id, data):
        """Takes an event. True at `done`."""
        try:
            data = json.loads(data)
        except ValueError:
            # Some libraries hand out an event that was cut in the middle. It comes again as a whole.
            raise Broken from None
        self.cursor = event_id or self.cursor
        if name == "log":
            text = data["text"]
            show = text if text is None or len(text) <= 1000 else f"{len(text)} characters"
            print(json.dumps({"id": data["id"], "text": show}), flush=True)
        elif name == "gap":
            print(json.dumps({"gap": data}), flush=True)
        elif name == "done":
            print(json.dumps({"done": data["status"]}), flush=True)
            return True
        return False


def again_and_again(connect, broken):
    """Connects until a connection has brought `done`, or the answer is 204."""
    while True:
        try:
            if connect():
                return
        except ComeBack as answer:
            time.sleep(answer.seconds)
        except broken:
            pass
        time.sleep(PAUSE)


def httpx_sse():
    import httpx
    from httpx_sse import SSEError, connect_sse

    follower = Follower()
    # By default httpx gives up after 5 s of silence.
    client = httpx.Client(timeout=httpx.Timeout(5, read=SILENCE))

    def connect():
        with connect_sse(client, "GET", URL, headers=follower.headers()) as source:
            answer = source.response
            if answer.status_code == 204:
                return True
            may_come_back(answer.status_code, answer.headers.get("Retry-After"))
            answer.raise_for_status()
            return any(follower.take(e.event, e.id, e.data) for e in source.iter_sse())

    again_and_again(connect, (httpx.TransportError, SSEError, Broken))


def sseclient_py():
    import requests
    from sseclient import SSEClient

    follower = Follower()

    def connect():
        with requests.get(URL, headers=follower.headers(), stream=True, timeout=SILENCE) as answer:
            if answer.status_code == 204:
                return True
            may_come_back(answer.status_code, answer.headers.get("Retry-After"))
            answer.raise_for_status()
            return any(follower.take(e.event, e.id, e.data) for e in SSEClient(answer).events())

    # Not `RequestException`: that is also what `raise_for_status` raises.
    cut = requests.exceptions.ChunkedEncodingError
    again_and_again(connect, (requests.ConnectionError, requests.Timeout, cut, Broken))


def niquests_sse():
    import niquests

    follower = Follower()
    session = niquests.Session()

    def connect():
        url = URL.replace("http://", "psse://")
        answer = session.get(url, headers=follower.headers(), timeout=SILENCE)
        if answer.status_code == 204:
            return True
        may_come_back(answer.status_code, answer.headers.get("Retry-After"))
        answer.raise_for_status()
        stream = answer.extension
        while not stream.closed:
            event = stream.next_payload()
            if event and follower.take(event.event, event.id, event.data):
                return True
        return False

    cut = niquests.exceptions.ChunkedEncodingError
    again_and_again(connect, (niquests.ConnectionError, niquests.Timeout, cut, Broken))


def requests_sse():
    import requests
    from requests_sse import EventSource, InvalidStatusCodeError

    follower = Follower()

    def connect():
        # It reconnects by itself with its cursor, after 5 s by default.
        pause = timedelta(seconds=PAUSE)
        options = {"timeout": SILENCE, "reconnection_time": pause, "latest_event_id": follower.cursor}
        try:
            with EventSource(URL, headers=dict(HEADERS), **options) as source:
                for event in source:
                    if follower.take(event.type, event.last_event_id, event.data):
                        return True
        except InvalidStatusCodeError as error:
            if error.status_code == 204:
                return True
            may_come_back(error.status_code, error.response.headers.get("Retry-After"))
            raise
        return False

    again_and_again(connect, (requests.ConnectionError, requests.Timeout, Broken))


def aiohttp_sse_client2():
    import aiohttp
    from aiohttp_sse_client2.client import EventSource

    follower = Follower()

    async def connect():
        # By default aiohttp gives up after 5 minutes, whatever comes.
        timeout = aiohttp.ClientTimeout(total=None, sock_read=SILENCE)
        async with EventSource(URL, headers=follower.headers(), timeout=timeout, read_bufsize=2**24) as source:
            async for event in source:
                if follower.take(event.message, event.last_event_id, event.data):
                    return True
        return False

    async def follow():
        while True:
            try:
                if await connect():
                    return
            except (aiohttp.ClientError, asyncio.TimeoutError, Broken):
                pass
            except ConnectionError as error:
                # It tells the status in a text, and nothing of the headers.
                status = int(re.search(r"(?:failed|status): (\d{3}):", str(error))[1])
                if status == 204:
                    return
                try:
                    may_come_back(status)
                except ComeBack as answer:
                    await asyncio.sleep(answer.seconds)
                    continue
                raise
            await asyncio.sleep(PAUSE)

    asyncio.run(follow())


{
    "httpx-sse": httpx_sse,
    "sseclient-py": sseclient_py,
    "niquests": niquests_sse,
    "requests-sse": requests_sse,
    "aiohttp-sse-client2": aiohttp_sse_client2,
}[LIBRARY]()
