"""A small service provider on python3-saml: what an application of that make does, and nothing more.

    python python3_saml.py settings.json

The toolkit reads what `eduline sp snippet python3-saml` writes. `GET /` says who is signed on, as JSON, or 401.
`GET /login?wish=plain|forced|passive` begins a sign-on, `GET /logout` ends one everywhere. What the toolkit
refuses is answered with 403 and its words.
"""

import json
import secrets
import sys
from http.cookies import SimpleCookie
from socketserver import ThreadingMixIn
from urllib.parse import parse_qs, urlsplit
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from onelogin.saml2.auth import OneLogin_Saml2_Auth
from onelogin.saml2.settings import OneLogin_Saml2_Settings

COOKIE = "onelogin"
STATUS = "{urn:oasis:names:tc:SAML:2.0:protocol}StatusCode"


class Service:
    """The application."""

    def __init__(self, settings):
        self.at = urlsplit(settings["base"])
        self.folder = settings["folder"]
        self.takes_unasked = settings["unsolicited"]
        self.asked = {}
        self.signed_on = {}

    def __call__(self, environ, start_response):
        body = ""
        if environ["REQUEST_METHOD"] == "POST":
            body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"] or 0)).decode()
        query = environ["QUERY_STRING"]
        first = lambda text: {name: values[0] for name, values in parse_qs(text).items()}
        cookie = SimpleCookie(environ.get("HTTP_COOKIE", "")).get(COOKIE)
        request = {
            "https": "off",
            "http_host": self.at.netloc,
            "script_name": environ["PATH_INFO"],
            "get_data": first(query),
            "post_data": first(body),
            "query_string": query,
        }
        try:
            status, headers, text = self.answer(request, cookie.value if cookie else None)
        except Exception as why:  # whatever it is, the visitor is told no
            print(f"{type(why).__name__}: {why}", file=sys.stderr, flush=True)
            status, headers, text = 403, [], f"{type(why).__name__}: {why}"
        if not any(name == "Content-Type" for name, _ in headers):
            headers = [*headers, ("Content-Type", "text/plain; charset=utf-8")]
        start_response(f"{status} -", headers)
        return [text if isinstance(text, bytes) else text.encode()]

    def answer(self, request, browser):
        """Status, headers and text for one request."""
        path = request["script_name"]
        auth = OneLogin_Saml2_Auth(request, custom_base_path=self.folder)
        if path == "/":
            known = self.signed_on.get(browser)
            if known is None:
                return 401, [], "nobody"
            return 200, [], json.dumps({name: known[name] for name in ("name_id", "attributes")})
        if path == "/metadata":
            metadata = OneLogin_Saml2_Settings(
                custom_base_path=self.folder, sp_validation_only=True
            ).get_sp_metadata()
            return 200, [("Content-Type", "application/samlmetadata+xml")], metadata
        if path == "/login":
            wish = request["get_data"]["wish"]
            to = auth.login("/", force_authn=wish == "forced", is_passive=wish == "passive")
            self.asked[auth.get_last_request_id()] = True
            return 303, [("Location", to)], ""
        if path == "/acs":
            return self.consume(auth)
        if path == "/logout":
            return self.log_out(auth, browser)
        if path == "/slo":
            to = auth.process_slo(delete_session_cb=lambda: self.signed_on.pop(browser, None))
            refused(auth)
            return (303, [("Location", to)], "") if to else (200, [], "signed out")
        return 404, [], "nothing here"

    def consume(self, auth):
        auth.process_response()
        document = auth._last_response
        if auth.get_errors():
            # The toolkit tells the first code only.
            codes = [code.get("Value") for code in document.iter(STATUS)]
            raise PermissionError(f"{auth.get_last_error_reason()} {' '.join(codes)}")
        # An answer is of use once, and only to what was asked.
        asked = self.asked.pop(document.get("InResponseTo"), False)
        if not asked and not (self.takes_unasked and document.get("InResponseTo") is None):
            raise PermissionError("an answer to nothing that was asked")
        browser = secrets.token_urlsafe()
        self.signed_on[browser] = {
            "name_id": auth.get_nameid(),
            "attributes": auth.get_friendlyname_attributes(),
            "subject": {
                "name_id": auth.get_nameid(),
                "session_index": auth.get_session_index(),
                "nq": auth.get_nameid_nq(),
                "name_id_format": auth.get_nameid_format(),
                "spnq": auth.get_nameid_spnq(),
            },
        }
        cookie = f"{COOKIE}={browser}; Path=/; HttpOnly"
        return 303, [("Location", "/"), ("Set-Cookie", cookie)], ""

    def log_out(self, auth, browser):
        known = self.signed_on.pop(browser)
        return 303, [("Location", auth.logout("/", **known["subject"]))], ""


def refused(auth):
    if auth.get_errors():
        raise PermissionError(f"{auth.get_errors()} {auth.get_last_error_reason()}")


class Threaded(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class Silent(WSGIRequestHandler):
    def log_message(self, *_):
        pass


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        settings = json.load(file)
    service = Service(settings)
    make_server(service.at.hostname, service.at.port, service, Threaded, Silent).serve_forever()


if __name__ == "__main__":
    main()
