"""The HTTP carrier over TLS, with certificates that hold and that do not."""

import asyncio
import http.server
import ssl
import threading

import pytest

from notifiers.answers import Taken
from notifiers.carriers.http import open_http
from tocsin.delivery import Channel
from tocsin.errors import TocsinError, Unavailable


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.server.heard.append(self.client_address)
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, secure):
        super().__init__(("127.0.0.1", 0), Handler)
        self.heard = []
        self._secure = secure

    def finish_request(self, request, client_address):
        if self._secure is None:
            super().finish_request(request, client_address)
            return
        with self._secure.wrap_socket(request, server_side=True) as secured:
            super().finish_request(secured, client_address)

    def handle_error(self, *_):  # a client that hangs up
        pass


@pytest.fixture(params=[True])
def server(request, certificate):
    secure = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    secure.load_cert_chain(certificate)
    with Server(secure if request.param else None) as listening:
        thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield listening
        listening.shutdown()
        thread.join()


@pytest.fixture
def said(server, a_provider, a_message, at):
    """What becomes of three messages after each other."""

    def of(host="127.0.0.1", query=""):
        url = f"jsons://{host}:{server.server_address[1]}/{{to}}{query}"
        provider = a_provider(url, channel=Channel.SMS, name="hook")

        async def work():
            carrier = open_http(provider, now=at)
            results = []
            for number in range(3):
                try:
                    results.append(await carrier.send(a_message(Channel.SMS, f"+861380013800{number}")))
                except TocsinError as error:
                    results.append(error)
            await carrier.close()
            return results

        return asyncio.run(work())

    return of


def unreachable(results):
    return [type(each) is Unavailable and each.code == "unreachable" for each in results] == [True] * 3


def test_a_certificate_that_is_trusted_carries_messages_over_one_connection(said, server, certificate, monkeypatch):
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))

    assert said() == [Taken(code="200")] * 3
    assert len(set(server.heard)) == 1


def test_a_certificate_that_is_not_trusted_carries_nothing(said, server):
    assert unreachable(said())
    assert not server.heard


def test_a_certificate_is_not_asked_for_where_the_provider_says_so(said):
    assert said(query="?verify=no") == [Taken(code="200")] * 3


def test_a_certificate_of_another_name_carries_nothing(said, server, certificate, monkeypatch):
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))

    assert unreachable(said(host="localhost"))
    assert not server.heard


@pytest.mark.parametrize("bundle", ["/nowhere/bundle.pem", "/dev/null"])
def test_without_certificates_to_believe_nothing_leaves(said, server, monkeypatch, bundle):
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", bundle)

    assert unreachable(said())
    assert not server.heard


def test_a_folder_without_certificates_believes_nobody(said, server, monkeypatch, tmp_path):
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path))

    assert unreachable(said())
    assert not server.heard


@pytest.mark.parametrize("server", [False], indirect=True)
def test_what_speaks_no_tls_is_not_reached(said, server):
    assert unreachable(said())
    assert not server.heard
