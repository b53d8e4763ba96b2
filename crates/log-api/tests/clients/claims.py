"""Tries what docs/CLIENTS.md says of the Python libraries against a small server that answers as it is told.

    claims.py

Fails at the first claim that does not hold. Prints each one that does.
"""

import asyncio
import inspect
import socket
import ssl
import subprocess
import tempfile
import threading
import time
from contextlib import contextmanager
from datetime import timedelta

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
EVENT = b'event: log\nid: 1-0\ndata: {"id":"1-0"}\n\n'
CLEAN_END = b"0\r\n\r\n"

# Longer than a client of the service should wait for a byte.
SILENCE = 40


def chunk(data):
    return b"%x\r\n%s\r\n" % (len(data), data)


def answer(data, end=CLEAN_END, hold=0):
    """An answer of one chunk. `end` may leave the body without its end, `hold` keeps silent before it."""

    def send(connection):
        connection.sendall(HEAD + chunk(data))
        time.sleep(hold)
        connection.sendall(end)

    return send


def no_content(connection):
    connection.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")


@contextmanager
def server(*answers, tls=None):
    """Gives these answers, one to a connection, then stops listening. The heads of the requests are in the list."""
    listener = socket.create_server(("127.0.0.1", 0))
    if tls:
        listener = tls.wrap_socket(listener, server_side=True)
    requests = []

    def serve():
        for send in answers:
            connection, _ = listener.accept()
            with connection:
                head = b""
                while b"\r\n\r\n" not in head:
                    head += connection.recv(65536)
                requests.append((time.monotonic(), head.decode().lower()))
                try:
                    send(connection)
                except OSError:
                    pass
        listener.close()

    threading.Thread(target=serve, daemon=True).start()
    yield f"http{'s' if tls else ''}://127.0.0.1:{listener.getsockname()[1]}/", requests


def holds(claim, condition):
    if not condition:
        raise SystemExit(f"does not hold: {claim}")
    print(claim)


def raises(error, call):
    try:
        call()
    except error as raised:
        return raised
    return None


def httpx_sse():
    import httpx
    from httpx_sse import connect_sse

    def follow(url):
        with connect_sse(httpx.Client(), "GET", url) as source:
            return [event.id for event in source.iter_sse()]

    with server(answer(EVENT, hold=8)) as (url, _):
        begun = time.monotonic()
        timed_out = raises(httpx.ReadTimeout, lambda: follow(url))
        waited = time.monotonic() - begun
        holds("httpx gives up after 5 s of silence by default", timed_out and 4 < waited < 8)
    with server(answer(EVENT), answer(EVENT)) as (url, requests):
        holds("httpx-sse does not reconnect", follow(url) == ["1-0"] and len(requests) == 1)
    with server(answer(EVENT, end=b"")) as (url, _):
        holds("httpx-sse raises a TransportError for a break", raises(httpx.TransportError, lambda: follow(url)))


def requests_sse():
    import requests
    from requests_sse import EventSource, InvalidStatusCodeError

    defaults = inspect.signature(EventSource).parameters
    holds("requests-sse waits 5 s twice by default", defaults["reconnection_time"].default == timedelta(seconds=5))
    holds("requests-sse tries five times by default", defaults["max_connect_retry"].default == 5)

    def follow(url, count, **options):
        with EventSource(url, **options) as source:
            return [next(source).last_event_id for _ in range(count)]

    half = {"reconnection_time": timedelta(seconds=0.5)}
    with server(answer(EVENT, end=b""), answer(EVENT)) as (url, seen):
        ids = follow(url, 2, **half)
        pause = seen[1][0] - seen[0][0]
        holds("requests-sse reconnects by itself with its cursor", ids == ["1-0"] * 2 and "last-event-id: 1-0" in seen[1][1])
        holds("requests-sse waits twice its reconnection_time", 0.9 < pause < 2)
    with server(answer(EVENT)) as (url, _):
        soon = {"reconnection_time": timedelta(seconds=0.05)}
        holds("requests-sse raises a ConnectionError at last", raises(requests.ConnectionError, lambda: follow(url, 2, **soon)))
    with server(no_content) as (url, _):
        error = raises(InvalidStatusCodeError, lambda: follow(url, 1))
        holds("requests-sse takes 204 for an error", error and error.status_code == 204)


def sseclient_py():
    import requests
    from sseclient import SSEClient

    def follow(url):
        return [event.data for event in SSEClient(requests.get(url, stream=True)).events()]

    half = EVENT[:-6]
    with server(answer(half), answer(EVENT)) as (url, seen):
        data = follow(url)
        holds("sseclient-py hands out an event that was cut", len(data) == 1 and not data[0].endswith("}"))
        holds("sseclient-py does not reconnect", len(seen) == 1)


def niquests_sse():
    import niquests

    with server(answer(EVENT), answer(EVENT)) as (url, seen):
        stream = niquests.Session().get(url.replace("http://", "psse://")).extension
        ids = []
        while not stream.closed:
            event = stream.next_payload()
            if event:
                ids.append(event.id)
        holds("niquests ends its loop with the connection, and does not reconnect", ids == ["1-0"] and len(seen) == 1)

    with tempfile.TemporaryDirectory() as folder:
        (key, certificate), tls = (f"{folder}/key.pem", f"{folder}/cert.pem"), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        make = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost"]
        make += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate]
        subprocess.run(make, check=True, stderr=subprocess.DEVNULL)
        tls.load_cert_chain(certificate, key)
        with server(answer(EVENT), tls=tls) as (url, _):
            answered = niquests.Session().get(url.replace("https://", "sse://"), verify=certificate)
            event = answered.extension.next_payload()
            holds("niquests follows sse:// over TLS", event.id == "1-0" and answered.conn_info.cipher is not None)


def aiohttp_sse_client2():
    import aiohttp
    from aiohttp_sse_client2.client import EventSource

    holds("aiohttp gives up after five minutes by default", aiohttp.client.DEFAULT_TIMEOUT.total == 300)

    def follow(url, count, **options):
        async def collect():
            ids = []
            async with EventSource(url, reconnection_time=timedelta(seconds=0.1), **options) as source:
                async for event in source:
                    ids.append(event.last_event_id)
                    if len(ids) == count:
                        break
            return ids

        return asyncio.run(collect())

    long = b"data: " + b"x" * 600_000 + b"\n\n"
    with server(answer(long)) as (url, _):
        holds("aiohttp-sse-client2 cannot read a line of 600 KB by default", raises(Exception, lambda: follow(url, 1)))
    with server(answer(long)) as (url, _):
        holds("aiohttp-sse-client2 can with read_bufsize", follow(url, 1, read_bufsize=2**24))
    with server(answer(EVENT), answer(EVENT)) as (url, seen):
        ids = follow(url, 2)
        holds("aiohttp-sse-client2 reconnects after a clean end", ids == ["1-0"] * 2 and len(seen) == 2)
    with server(answer(EVENT, end=b""), answer(EVENT)) as (url, seen):
        broken = raises(aiohttp.ClientError, lambda: follow(url, 2))
        holds("aiohttp-sse-client2 does not reconnect after a broken body", broken and len(seen) == 1)
    with server(no_content) as (url, _):
        holds("aiohttp-sse-client2 tells a status in a text", "204" in str(raises(ConnectionError, lambda: follow(url, 1))))


def silence(waited):
    """How long requests-sse waits for a second event that comes after a long silence."""
    from requests_sse import EventSource

    begun = time.monotonic()
    with server(answer(EVENT, end=chunk(EVENT) + CLEAN_END, hold=SILENCE)) as (url, _), EventSource(url) as source:
        ids = [next(source).last_event_id for _ in range(2)]
    if ids == ["1-0"] * 2:
        waited.append(time.monotonic() - begun)


waited = []
waiting = threading.Thread(target=silence, args=(waited,), daemon=True)
waiting.start()
for library in (httpx_sse, requests_sse, sseclient_py, niquests_sse, aiohttp_sse_client2):
    library()
waiting.join(2 * SILENCE)
holds("requests-sse has no limit without timeout", waited and waited[0] >= SILENCE)
