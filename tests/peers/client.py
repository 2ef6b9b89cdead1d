"""The enhanced client of pysaml2, as it ships: it carries the request of a service, in the envelope
on its standard input, to an identity provider, and prints the envelope that comes back.

    python client.py entityID metadata.xml login password

It refuses an answer for another address than the service's. What it would hand to the service is
not printed: it writes the answer anew, and no signature but its own outlives that.
"""

import sys

from saml2.ecp_client import Client


class Carrier(Client):
    """The same, which keeps what came as it came."""

    received = ""

    def send(self, *args, **kwargs):
        response = super().send(*args, **kwargs)
        self.received = response.text
        return response


def main():
    provider, metadata, login, password = sys.argv[1:]
    client = Carrier(login, password, metadata_file=metadata, xmlsec_binary="/usr/bin/xmlsec1")
    asked = client.parse_sp_ecp_response(client.parse_soap_message(sys.stdin.read()))
    client.phase2(idp_entity_id=provider, **asked)
    print(client.received)


if __name__ == "__main__":
    main()
