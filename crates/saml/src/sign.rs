//! Enveloped signatures over what the writer wrote (SAML Core 5.4, XML Signature).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::writer::{DS, Writer};
use crate::{Refusal, SigningKey};

const EXCLUSIVE: &str = "http://www.w3.org/2001/10/xml-exc-c14n#";
const ENVELOPED: &str = "http://www.w3.org/2000/09/xmldsig#enveloped-signature";

/// Signs the element written since `start`, which was just closed and whose identifier is `id`;
/// puts the signature at `at` (after the issuer, SAML Core 5.4.1, or first in metadata).
///
/// The element must declare every namespace it uses itself: true for a document's root, and for an
/// assertion inside a response, whose ancestors never use its prefix.
pub(crate) fn sign(
    writer: &mut Writer,
    start: usize,
    at: usize,
    id: &str,
    key: &SigningKey,
) -> Result<(), Refusal> {
    let digest = STANDARD.encode(key.digest().of(writer.since(start).as_bytes()));
    let inner = signed_info(&digest, id, key);
    // As an apex, SignedInfo shows the namespace that its parent declares in the document.
    let apex = ["<ds:SignedInfo xmlns:ds=\"", DS.uri, "\">", &inner].concat();
    let signature = key.sign(apex.as_bytes()).map_err(|why| why.refusal())?;
    let whole = [
        "<ds:Signature xmlns:ds=\"",
        DS.uri,
        "\"><ds:SignedInfo>",
        &inner,
        "<ds:SignatureValue>",
        &STANDARD.encode(signature),
        "</ds:SignatureValue><ds:KeyInfo><ds:X509Data><ds:X509Certificate>",
        key.certificate(),
        "</ds:X509Certificate></ds:X509Data></ds:KeyInfo></ds:Signature>",
    ];
    writer.insert(at, &whole.concat());
    Ok(())
}

/// What is signed, after its opening tag, in canonical form. An identifier is an `xs:ID` and a
/// digest base64: neither holds a character that is written otherwise.
fn signed_info(digest: &str, id: &str, key: &SigningKey) -> String {
    let (algorithm, hash) = (key.algorithm().uri(), key.digest().uri());
    [
        "<ds:CanonicalizationMethod Algorithm=\"",
        EXCLUSIVE,
        "\"></ds:CanonicalizationMethod><ds:SignatureMethod Algorithm=\"",
        algorithm,
        "\"></ds:SignatureMethod><ds:Reference URI=\"#",
        id,
        "\"><ds:Transforms><ds:Transform Algorithm=\"",
        ENVELOPED,
        "\"></ds:Transform><ds:Transform Algorithm=\"",
        EXCLUSIVE,
        "\"></ds:Transform></ds:Transforms><ds:DigestMethod Algorithm=\"",
        hash,
        "\"></ds:DigestMethod><ds:DigestValue>",
        digest,
        "</ds:DigestValue></ds:Reference></ds:SignedInfo>",
    ]
    .concat()
}
