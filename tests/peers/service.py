"""A small service provider on pysaml2: what an application of that make does, and nothing more.

    python service.py settings.json

`GET /` says who is signed on, as JSON, or 401. `GET /login?wish=plain|forced|passive` begins a
sign-on, `GET /logout` ends one everywhere. What pysaml2 refuses is answered with 403 and its words.
"""

import json
import runpy
import secrets
import sys
from http.cookies import SimpleCookie
from socketserver import ThreadingMixIn
from urllib.parse import parse_qs, urlsplit
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from saml2 import BINDING_HTTP_POST, BINDING_HTTP_REDIRECT
from saml2.client import Saml2Client
from saml2.config import SPConfig
from saml2.s_utils import SamlException

COOKIE = "service"


def configuration(settings, written):
    """What `eduline sp snippet` writes, with what a test wants otherwise; the rest is as it ships."""
    told = written["CONFIG"]
    service = told["service"]["sp"]
    service["authn_requests_signed"] = settings["signs"]
    service["allow_unsolicited"] = settings["unsolicited"]
    if settings["name_id_format"]:
        service["name_id_format"] = [settings["name_id_format"]]
        service["name_id_policy_format"] = settings["name_id_format"]
    if settings["context"]:
        service["requested_authn_context"] = {
            "authn_context_class_ref": [settings["context"]],
            "comparison": "exact",
        }
    if not settings["decrypts"]:
        del told["encryption_keypairs"]
    return SPConfig().load(told)


class Service:
    """The application."""

    def __init__(self, settings):
        written = runpy.run_path(settings["snippet"])
        self.provider = written["PROVIDER"]
        self.binding = BINDING_HTTP_POST if settings["by_post"] else BINDING_HTTP_REDIRECT
        self.client = Saml2Client(configuration(settings, written))
        self.asked = {}
        self.signed_on = {}

    def __call__(self, environ, start_response):
        path = environ["PATH_INFO"]
        query = environ["QUERY_STRING"]
        if environ["REQUEST_METHOD"] == "POST":
            body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"] or 0)).decode()
        else:
            body = query
        fields = {name: values[0] for name, values in parse_qs(body).items()}
        cookie = SimpleCookie(environ.get("HTTP_COOKIE", "")).get(COOKIE)
        browser = cookie.value if cookie else None
        try:
            status, headers, text = self.answer(path, fields, browser)
        except Exception as why:  # whatever it is, the visitor is told no
            print(f"{type(why).__name__}: {why}", file=sys.stderr, flush=True)
            status, headers, text = 403, [], f"{type(why).__name__}: {why}"
        kinds = [("Content-Type", "text/plain; charset=utf-8")]
        if any(name.lower() == "content-type" for name, _ in headers):
            kinds = []
        start_response(f"{status} -", kinds + headers)
        return [text if isinstance(text, bytes) else text.encode()]

    def answer(self, path, fields, browser):
        """Status, headers and text for one request."""
        if path == "/":
            return self.who(browser)
        if path == "/metadata":
            return 200, [("Content-Type", "application/samlmetadata+xml")], self.metadata()
        if path == "/login":
            return self.log_in(fields["wish"])
        if path == "/acs":
            return self.consume(fields["SAMLResponse"])
        if path == "/logout":
            return self.log_out(browser)
        if path.startswith("/slo/"):
            return self.told_of_logout(path.removeprefix("/slo/"), fields)
        return 404, [], "nothing here"

    def metadata(self):
        from saml2.metadata import entity_descriptor

        return str(entity_descriptor(self.client.config))

    def who(self, browser):
        known = self.signed_on.get(browser)
        if known is None or not self.client.is_logged_in(known["subject"]):
            return 401, [], "nobody"
        return 200, [], json.dumps({name: known[name] for name in ("name_id", "attributes")})

    def log_in(self, wish):
        asked = {"forced": {"force_authn": "true"}, "passive": {"is_passive": "true"}}
        request, sent = self.client.prepare_for_authenticate(
            entityid=self.provider, binding=self.binding, relay_state="/", **asked.get(wish, {})
        )
        self.asked[request] = "/"
        return hand_over(sent)

    def consume(self, response):
        answer = self.client.parse_authn_request_response(response, BINDING_HTTP_POST, self.asked)
        if answer is None:
            raise SamlException("no answer that can be read")
        browser = secrets.token_urlsafe()
        # An answer is of use once.
        self.asked.pop(answer.in_response_to, None)
        self.signed_on[browser] = {
            "subject": answer.name_id,
            "name_id": answer.name_id.text,
            "attributes": answer.ava,
        }
        cookie = f"{COOKIE}={browser}; Path=/; HttpOnly"
        return 303, [("Location", "/"), ("Set-Cookie", cookie)], ""

    def log_out(self, browser):
        known = self.signed_on.pop(browser)
        # By way of the visitor: the answer to a request by SOAP it could not verify, see above.
        told = self.client.do_logout(
            known["subject"], [self.provider], "", None, expected_binding=self.binding
        )
        [(binding, sent)] = told.values()
        assert binding == self.binding, binding
        return hand_over(sent)

    def told_of_logout(self, how, fields):
        binding = {"redirect": BINDING_HTTP_REDIRECT, "post": BINDING_HTTP_POST}[how]
        if "SAMLResponse" in fields:
            answer = self.client.parse_logout_request_response(fields["SAMLResponse"], binding)
            self.client.handle_logout_response(answer)
            return 200, [], "signed out"
        text = fields["SAMLRequest"]
        proof = {
            "relay_state": fields.get("RelayState"),
            "sigalg": fields.get("SigAlg"),
            "signature": fields.get("Signature"),
        }
        request = self.client.parse_logout_request(text, binding, **proof)
        subject = request.message.name_id
        return hand_over(self.client.handle_logout_request(text, subject, binding, **proof))


def hand_over(sent):
    """What pysaml2 wants sent, as an answer: a redirection or a form."""
    text = sent["data"] or ""
    if isinstance(text, list):
        text = "".join(text)
    status = 303 if any(name == "Location" for name, _ in sent["headers"]) else 200
    return status, sent["headers"], text


class Threaded(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class Silent(WSGIRequestHandler):
    def log_message(self, *_):
        pass


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        settings = json.load(file)
    at = urlsplit(settings["base"])
    service = Service(settings)
    make_server(at.hostname, at.port, service, Threaded, Silent).serve_forever()


if __name__ == "__main__":
    main()
