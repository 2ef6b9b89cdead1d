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
    let inner = signed_info(&digest, id, key)?;
    // As an apex, SignedInfo shows the namespace that its parent declares in the document.
    let apex = inner.replacen(
        "<ds:SignedInfo>",
        &format!("<ds:SignedInfo xmlns:ds=\"{}\">", DS.uri),
        1,
    );
    let signature = key.sign(apex.as_bytes()).map_err(|why| why.refusal())?;
    let whole = format!(
        "<ds:Signature xmlns:ds=\"{}\">{inner}<ds:SignatureValue>{}</ds:SignatureValue>\
         <ds:KeyInfo><ds:X509Data><ds:X509Certificate>{}</ds:X509Certificate></ds:X509Data>\
         </ds:KeyInfo></ds:Signature>",
        DS.uri,
        STANDARD.encode(signature),
        key.certificate(),
    );
    writer.insert(at, &whole);
    Ok(())
}

fn signed_info(digest: &str, id: &str, key: &SigningKey) -> Result<String, Refusal> {
    let mut writer = Writer::with_capacity(1024);
    let start = writer.open(DS, "Signature", &[])?;
    let before = writer.since(start).len();
    writer.open(DS, "SignedInfo", &[])?;
    writer.empty(DS, "CanonicalizationMethod", &[("Algorithm", EXCLUSIVE)])?;
    writer.empty(
        DS,
        "SignatureMethod",
        &[("Algorithm", key.algorithm().uri())],
    )?;
    writer.open(DS, "Reference", &[("URI", &format!("#{id}"))])?;
    writer.open(DS, "Transforms", &[])?;
    writer.empty(DS, "Transform", &[("Algorithm", ENVELOPED)])?;
    writer.empty(DS, "Transform", &[("Algorithm", EXCLUSIVE)])?;
    writer.close();
    writer.empty(DS, "DigestMethod", &[("Algorithm", key.digest().uri())])?;
    writer.leaf(DS, "DigestValue", &[], digest)?;
    writer.close();
    writer.close();
    Ok(writer.since(before).to_owned())
}
