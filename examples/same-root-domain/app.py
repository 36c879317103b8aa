#!/usr/bin/env python3
"""A server-rendered app behind a proxy that asks Headgear who is calling. It needs no library: it reads headers.

  PORT      where to listen (4003); within reach of the proxy alone, since it believes these headers
  IDENTITY  Headgear's address (http://localhost:4000)
  HERE      this app's address as browsers know it (http://localhost:4002)
"""
import html
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlencode, urlsplit

PORT = int(os.environ.get("PORT", "4003"))
IDENTITY = os.environ.get("IDENTITY", "http://localhost:4000")
HERE = os.environ.get("HERE", "http://localhost:4002")


def who_is(headers):
    """The caller, or None: the header is absent for strangers, and `false` for a session that has ended."""
    if headers.get("x-authgear-session-valid") != "true":
        return None
    return {
        "id": headers["x-authgear-user-id"],
        "roles": (headers.get("x-authgear-user-roles") or "").split(","),
    }


def sign_in_address(back_to):
    """Comes back to `back_to` with the session cookie set, or at once when there is a session already."""
    return f"{IDENTITY}/oauth2/authorize?" + urlencode(
        {"client_id": "shop", "response_type": "none", "scope": "openid", "redirect_uri": back_to}
    )


def sign_out_address():
    return f"{IDENTITY}/oauth2/end_session?" + urlencode(
        {"client_id": "shop", "post_logout_redirect_uri": f"{HERE}/"}
    )


class App(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        caller = who_is(self.headers)
        path = urlsplit(self.path).path
        if path == "/orders" and caller is None:
            return self.answer(302, "", {"Location": sign_in_address(f"{HERE}/")})
        if caller is None:
            body = f'<p>Hello, guest.</p><p><a href="{html.escape(sign_in_address(HERE + "/"))}">Sign in</a></p>'
        else:
            body = (
                f'<p>Hello, <b id="who">{html.escape(caller["id"])}</b>.</p>'
                f'<p><a href="{html.escape(sign_out_address())}">Sign out</a></p>'
            )
        self.answer(200, f"<!doctype html><title>Shop</title><h1>Shop {html.escape(path)}</h1>{body}")

    def answer(self, status, body, headers=None):
        data = body.encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(data)))
        self.send_header("Cache-Control", "no-store")
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        pass


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", PORT), App)
    print(f"app on http://127.0.0.1:{PORT}, for the proxy alone", flush=True)
    server.serve_forever()
