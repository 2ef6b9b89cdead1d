//! PSKC (RFC 6030): seeds in clear, or encrypted with a key that was agreed on (6.1). A key that is made of
//! a passphrase (6.2) or of a certificate (6.3) is refused by name.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use openssl::symm::{Cipher, decrypt};
use roxmltree::{Document, Node};
use sha1::Sha1;
use zeroize::Zeroizing;

use super::file::{Faulty, Read};
use super::{NewToken, serial};
use crate::otp::{self, Hash};

const PSKC: &str = "urn:ietf:params:xml:ns:keyprov:pskc";
const HOTP: &str = "urn:ietf:params:xml:ns:keyprov:pskc:hotp";
const TOTP: &str = "urn:ietf:params:xml:ns:keyprov:pskc:totp";
const HMAC_SHA1: &str = "http://www.w3.org/2000/09/xmldsig#hmac-sha1";

/// The child of that name, in any of the namespaces that PSKC is made of.
fn child<'a, 'd>(of: Node<'a, 'd>, name: &str) -> Option<Node<'a, 'd>> {
    of.children().find(|node| node.tag_name().name() == name)
}

fn at<'a, 'd>(of: Node<'a, 'd>, path: &[&str]) -> Option<Node<'a, 'd>> {
    path.iter().try_fold(of, |node, name| child(node, name))
}

fn text<'a>(of: Node<'a, '_>, path: &[&str]) -> Option<&'a str> {
    let text = at(of, path)?.text()?.trim();
    (!text.is_empty()).then_some(text)
}

/// Base64, lines broken anywhere.
fn bytes(text: &str) -> Option<Vec<u8>> {
    let joined: String = text.split_whitespace().collect();
    STANDARD.decode(joined).ok()
}

/// The keys a container is opened with.
struct Keys {
    encryption: Zeroizing<Vec<u8>>,
    mac: Zeroizing<Vec<u8>>,
}

impl Keys {
    /// 6.1: `None` when nothing is encrypted.
    fn of(container: Node<'_, '_>, key: Option<&[u8]>) -> Result<Option<Self>, String> {
        let Some(named) = child(container, "EncryptionKey") else {
            return Ok(None);
        };
        if child(named, "KeyName").is_none() {
            return Err("its key is made of a passphrase or a certificate (RFC 6030 6.2, 6.3): ask the maker for a pre-shared key".to_owned());
        }
        let key = key.ok_or("it is encrypted: its key is missing (--key)")?;
        let method = child(container, "MACMethod")
            .ok_or("nothing protects what is encrypted (RFC 6030 6.1.1: MACMethod)")?;
        if method.attribute("Algorithm") != Some(HMAC_SHA1) {
            return Err("MACMethod is not hmac-sha1".to_owned());
        }
        let encryption = Zeroizing::new(key.to_vec());
        let mac = match child(method, "MACKey") {
            Some(mac) => opened(&encryption, &encrypted(mac)?)?,
            None => encryption.clone(),
        };
        Ok(Some(Self { encryption, mac }))
    }

    /// What is encrypted, once its MAC holds (6.1.1: over the ciphertext and its first block).
    fn open(&self, value: Node<'_, '_>, mac: Option<&str>) -> Result<Zeroizing<Vec<u8>>, String> {
        let closed = encrypted(value)?;
        let mac = mac.and_then(bytes).ok_or("ValueMAC is missing")?;
        let held = Hmac::<Sha1>::new_from_slice(&self.mac)
            .map_err(|why| why.to_string())?
            .chain_update(&closed)
            .verify_slice(&mac);
        held.map_err(|_| "ValueMAC does not hold: is it the right key?")?;
        opened(&self.encryption, &closed)
    }
}

/// The bytes of an `xenc:EncryptedData`.
fn encrypted(of: Node<'_, '_>) -> Result<Vec<u8>, String> {
    let method = child(of, "EncryptionMethod").and_then(|method| method.attribute("Algorithm"));
    let is_cbc =
        method.is_some_and(|name| name.ends_with("#aes128-cbc") || name.ends_with("#aes256-cbc"));
    if !is_cbc {
        return Err("EncryptionMethod is neither aes128-cbc nor aes256-cbc".to_owned());
    }
    let value = text(of, &["CipherData", "CipherValue"]).and_then(bytes);
    value.ok_or_else(|| "CipherValue is missing".to_owned())
}

fn opened(key: &[u8], closed: &[u8]) -> Result<Zeroizing<Vec<u8>>, String> {
    let cipher = match key.len() {
        16 => Cipher::aes_128_cbc(),
        32 => Cipher::aes_256_cbc(),
        _ => return Err("a key has 16 or 32 bytes".to_owned()),
    };
    let (first, rest) = closed
        .split_first_chunk::<16>()
        .ok_or("CipherValue is too short")?;
    let opened = decrypt(cipher, key, Some(first), rest);
    opened
        .map(Zeroizing::new)
        .map_err(|_| "it cannot be decrypted: is it the right key?".to_owned())
}

/// The tokens of a container.
pub(super) fn read(xml: &str, key: Option<&[u8]>) -> Read {
    let file = |why: String| vec![Faulty::new("file", why)];
    // No document type: entities that grow are refused with it.
    let document = Document::parse(xml).map_err(|why| file(why.to_string()))?;
    let root = document.root_element();
    if !root.has_tag_name((PSKC, "KeyContainer")) {
        return Err(file(
            "neither a table nor a KeyContainer of PSKC 1.0".to_owned(),
        ));
    }
    let keys = Keys::of(root, key).map_err(file)?;
    let (mut tokens, mut faults) = (Vec::new(), Vec::new());
    for package in root
        .children()
        .filter(|node| node.has_tag_name((PSKC, "KeyPackage")))
    {
        let number = text(package, &["DeviceInfo", "SerialNo"])
            .map(serial)
            .unwrap_or_default();
        match token(package, &number, keys.as_ref()) {
            Ok(token) => tokens.push(token),
            Err(why) => faults.push(Faulty::new(number, why)),
        }
    }
    Ok((tokens, faults))
}

fn token(package: Node<'_, '_>, number: &str, keys: Option<&Keys>) -> Result<NewToken, String> {
    let key = child(package, "Key").ok_or("it has no Key")?;
    let is_totp = match key.attribute("Algorithm") {
        Some(HOTP) => false,
        Some(TOTP) => true,
        _ => return Err("its Algorithm is neither hotp nor totp".to_owned()),
    };
    let data = child(key, "Data").ok_or("it has no Data")?;
    let number_of = |name: &str| {
        let plain = text(data, &[name, "PlainValue"]);
        plain
            .map(str::parse::<u32>)
            .transpose()
            .map_err(|_| format!("its {name} is no number"))
    };
    let secret = child(data, "Secret").ok_or("it has no Secret")?;
    let seed = match (
        text(secret, &["PlainValue"]),
        child(secret, "EncryptedValue"),
        keys,
    ) {
        (Some(plain), _, _) => Zeroizing::new(bytes(plain).ok_or("its Secret is no base64")?),
        (None, Some(value), Some(keys)) => keys.open(value, text(secret, &["ValueMAC"]))?,
        (None, Some(_), None) => {
            return Err("it is encrypted, and no EncryptionKey is named".to_owned());
        }
        (None, None, _) => return Err("its Secret is empty".to_owned()),
    };
    let format = at(key, &["AlgorithmParameters", "ResponseFormat"]);
    if format.is_some_and(|format| format.attribute("Encoding") != Some("DECIMAL")) {
        return Err("its codes are not decimal".to_owned());
    }
    let digits = format.and_then(|format| format.attribute("Length"));
    let digits = digits.map_or(Ok(otp::DIGITS), str::parse);
    let suite = text(key, &["AlgorithmParameters", "Suite"]).unwrap_or_default();
    Ok(NewToken {
        serial: number.to_owned(),
        seed: seed.to_vec(),
        hash: match suite.to_ascii_uppercase().as_str() {
            "" | "HMAC-SHA1" => Hash::Sha1,
            "HMAC-SHA256" => Hash::Sha256,
            _ => return Err("its Suite is neither HMAC-SHA1 nor HMAC-SHA256".to_owned()),
        },
        digits: digits.map_err(|_| "its Length is no number")?,
        period_s: if is_totp {
            number_of("TimeInterval")?.unwrap_or(otp::PERIOD_S)
        } else {
            0
        },
        counter: number_of("Counter")?.unwrap_or_default(),
    })
}

#[cfg(test)]
mod tests {
    use super::super::read;
    use super::*;

    /// RFC 6030, figure 6: encrypted with the pre-shared key 12345678901234567890123456789012.
    const ENCRYPTED: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<KeyContainer Version="1.0" xmlns="urn:ietf:params:xml:ns:keyprov:pskc"
  xmlns:ds="http://www.w3.org/2000/09/xmldsig#" xmlns:xenc="http://www.w3.org/2001/04/xmlenc#">
  <EncryptionKey><ds:KeyName>Pre-shared-key</ds:KeyName></EncryptionKey>
  <MACMethod Algorithm="http://www.w3.org/2000/09/xmldsig#hmac-sha1">
    <MACKey>
      <xenc:EncryptionMethod Algorithm="http://www.w3.org/2001/04/xmlenc#aes128-cbc"/>
      <xenc:CipherData><xenc:CipherValue>ESIzRFVmd4iZABEiM0RVZgKn6WjLaTC1sbeBMSvIhRejN9vJa2BOlSaMrR7I5wSX</xenc:CipherValue></xenc:CipherData>
    </MACKey>
  </MACMethod>
  <KeyPackage>
    <DeviceInfo><Manufacturer>Manufacturer</Manufacturer><SerialNo>987654321</SerialNo></DeviceInfo>
    <CryptoModuleInfo><Id>CM_ID_001</Id></CryptoModuleInfo>
    <Key Id="12345678" Algorithm="urn:ietf:params:xml:ns:keyprov:pskc:hotp">
      <Issuer>Issuer</Issuer>
      <AlgorithmParameters><ResponseFormat Length="8" Encoding="DECIMAL"/></AlgorithmParameters>
      <Data>
        <Secret>
          <EncryptedValue>
            <xenc:EncryptionMethod Algorithm="http://www.w3.org/2001/04/xmlenc#aes128-cbc"/>
            <xenc:CipherData><xenc:CipherValue>AAECAwQFBgcICQoLDA0OD+cIHItlB3Wra1DUpxVvOx2lef1VmNPCMl8jwZqIUqGv</xenc:CipherValue></xenc:CipherData>
          </EncryptedValue>
          <ValueMAC>Su+NvtQfmvfJzF6bmQiJqoLRExc=</ValueMAC>
        </Secret>
        <Counter><PlainValue>0</PlainValue></Counter>
      </Data>
    </Key>
  </KeyPackage>
</KeyContainer>"#;

    fn key() -> Vec<u8> {
        super::super::file::from_hex("12345678901234567890123456789012").unwrap()
    }

    fn why(text: &str, key: Option<&[u8]>) -> String {
        let faults = read(text, key).unwrap_err();
        faults.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a07_the_encrypted_example_of_rfc_6030_is_read() {
        let read = read(ENCRYPTED, Some(&key())).unwrap();
        let told = NewToken {
            serial: "987654321".to_owned(),
            seed: b"12345678901234567890".to_vec(),
            hash: Hash::Sha1,
            digits: 8,
            period_s: 0,
            counter: 0,
        };
        assert_eq!(read, [told]);
    }

    #[test]
    fn a07_what_does_not_hold_is_refused() {
        let key = key();
        let changed = |from: &str, to: &str| {
            assert!(ENCRYPTED.contains(from), "{from}");
            why(&ENCRYPTED.replacen(from, to, 1), Some(&key))
        };
        assert!(why(ENCRYPTED, None).contains("--key"));
        assert!(why(ENCRYPTED, Some(&[7; 16])).contains("right key"));
        assert!(why(ENCRYPTED, Some(&[7; 5])).contains("16 or 32"));
        for (from, to, told) in [
            ("AAECAwQF", "AAECAwQG", "ValueMAC does not hold"),
            ("Su+N", "Su+O", "ValueMAC does not hold"),
            (
                "<ValueMAC>Su+NvtQfmvfJzF6bmQiJqoLRExc=</ValueMAC>",
                "",
                "ValueMAC is missing",
            ),
            (
                "<ds:KeyName>Pre-shared-key</ds:KeyName>",
                "<DerivedKey/>",
                "passphrase",
            ),
            ("xmldsig#hmac-sha1", "xmldsig#hmac-md5", "MACMethod"),
            ("#aes128-cbc", "#tripledes-cbc", "EncryptionMethod"),
            ("pskc:hotp", "pskc:pin", "Algorithm"),
            ("Length=\"8\"", "Length=\"x\"", "Length"),
            ("DECIMAL", "HEXADECIMAL", "decimal"),
            ("<PlainValue>0<", "<PlainValue>-1<", "Counter"),
            ("<SerialNo>987654321</SerialNo>", "", "serial number"),
            ("KeyContainer Version", "Container Version", "file"),
            (
                "<?xml version=\"1.0\" encoding=\"UTF-8\"?>",
                "<!DOCTYPE a [<!ENTITY b \"c\">]>",
                "file",
            ),
        ] {
            let faults = changed(from, to);
            assert!(faults.contains(told), "{from}: {faults}");
        }
    }

    #[test]
    fn a07_seeds_in_clear_are_read_too() {
        let text = r#"<KeyContainer Version="1.0" xmlns="urn:ietf:params:xml:ns:keyprov:pskc"><KeyPackage>
            <DeviceInfo><SerialNo>tt-7</SerialNo></DeviceInfo><Key Algorithm="urn:ietf:params:xml:ns:keyprov:pskc:totp">
            <AlgorithmParameters><Suite>HMAC-SHA256</Suite><ResponseFormat Length="6" Encoding="DECIMAL"/></AlgorithmParameters>
            <Data><Secret><PlainValue>MTIzNDU2Nzg5MDEyMzQ1
            Njc4OTA=</PlainValue></Secret><TimeInterval><PlainValue>60</PlainValue></TimeInterval></Data></Key></KeyPackage></KeyContainer>"#;
        let read = read(text, None).unwrap();
        let one = &read[0];
        assert_eq!(
            (one.serial.as_str(), one.seed.as_slice()),
            ("TT7", b"12345678901234567890".as_slice())
        );
        assert_eq!((one.hash, one.digits, one.period_s), (Hash::Sha256, 6, 60));
    }
}
