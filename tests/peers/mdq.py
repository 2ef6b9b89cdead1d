"""The Metadata Query client of pysaml2 asks for entities by name, and prints what it was told.

    python mdq.py address certificate.pem by-digest|by-name entityID...

An entity that is not there, or whose signature is not by the key of the certificate, ends it.
"""

import json
import sys
from urllib.parse import quote

from saml2.config import SPConfig
from saml2.mdstore import MetaDataMDX
from saml2.sigver import security_context


def main():
    address, certificate, by, *names = sys.argv[1:]
    config = SPConfig().load({"entityid": "https://reader.example", "xmlsec_binary": "/usr/bin/xmlsec1"})
    transform = (lambda name: quote(name, safe="")) if by == "by-name" else None
    client = MetaDataMDX(address, security_context(config), certificate, transform)
    print(json.dumps([client[name]["entity_id"] for name in names]))


if __name__ == "__main__":
    main()
