//! Texts: what they say, and how a canonical form writes it (Canonical XML 1.0 2.3).

use super::ill_formed;
use crate::Refusal;
use crate::preflight::{check_reference, is_xml_char};

/// Whether XML has no such character (XML 1.0 2.2).
pub(super) fn is_forbidden(c: char) -> bool {
    !is_xml_char(c)
}

fn utf8(bytes: &[u8]) -> Result<&str, Refusal> {
    std::str::from_utf8(bytes).map_err(|_| Refusal::NotUtf8 { part: "a text" })
}

/// Checks a text between tags, and gives it back.
fn checked(bytes: &[u8], is_cdata: bool) -> Result<&str, Refusal> {
    let text = utf8(bytes)?;
    let is_suspect = |byte: u8| matches!(byte, 0..=8 | 11 | 12 | 14..=31 | 0xEF);
    if has(bytes, is_suspect) && text.chars().any(is_forbidden) {
        return Err(ill_formed("a character that XML does not have"));
    }
    if !is_cdata && bytes.contains(&b'>') && text.contains("]]>") {
        return Err(ill_formed("]]> in a text"));
    }
    Ok(text)
}

/// Whether a byte is among `bytes`: by whole pieces, so that many are looked at at once.
pub(super) fn has(bytes: &[u8], is_sought: impl Fn(u8) -> bool) -> bool {
    let mut pieces = bytes.chunks(64);
    pieces.any(|piece| {
        let found = piece.iter().map(|byte| is_sought(*byte));
        found.fold(false, |found, one| found | one)
    })
}

/// Writes a text between tags. Its line ends are those of XML (XML 1.0 2.11).
pub(super) fn put_text(out: &mut Vec<u8>, bytes: &[u8], is_muted: bool) -> Result<(), Refusal> {
    let text = checked(bytes, false)?;
    if !is_muted {
        put(out, text.as_bytes());
    }
    Ok(())
}

/// Writes what a CDATA section says.
pub(super) fn put_cdata(out: &mut Vec<u8>, bytes: &[u8], is_muted: bool) -> Result<(), Refusal> {
    let text = checked(bytes, true)?;
    if !is_muted {
        put(out, text.as_bytes());
    }
    Ok(())
}

fn put(out: &mut Vec<u8>, text: &[u8]) {
    let is_special = |byte: u8| matches!(byte, b'&' | b'<' | b'>' | b'\r');
    if !has(text, is_special) {
        out.extend_from_slice(text);
        return;
    }
    let mut rest = text;
    while let Some(at) = rest.iter().position(|byte| is_special(*byte)) {
        let (plain, special) = rest.split_at(at);
        out.extend_from_slice(plain);
        let written: &[u8] = match special {
            [b'&', ..] => b"&amp;",
            [b'<', ..] => b"&lt;",
            [b'>', ..] => b"&gt;",
            // The line feed that follows is written by itself.
            [b'\r', b'\n', ..] => b"",
            _ => b"\n",
        };
        out.extend_from_slice(written);
        rest = special.get(1..).unwrap_or_default();
    }
    out.extend_from_slice(rest);
}

/// Writes the character that a reference stands for.
pub(super) fn put_reference(out: &mut Vec<u8>, name: &[u8], is_muted: bool) -> Result<(), Refusal> {
    match value_of_reference(name)? {
        _ if is_muted => {}
        '&' => out.extend_from_slice(b"&amp;"),
        '<' => out.extend_from_slice(b"&lt;"),
        '>' => out.extend_from_slice(b"&gt;"),
        '\r' => out.extend_from_slice(b"&#xD;"),
        c => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
    }
    Ok(())
}

/// The character a reference stands for (XML 1.0 4.1, 4.6).
pub(crate) fn value_of_reference(name: &[u8]) -> Result<char, Refusal> {
    let name = utf8(name)?;
    check_reference(name)?;
    let number = |digits: &str, radix| u32::from_str_radix(digits, radix).ok();
    let found = match name.strip_prefix('#') {
        Some(number_of) => match number_of.strip_prefix('x') {
            Some(digits) => number(digits, 16),
            None => number(number_of, 10),
        }
        .and_then(char::from_u32),
        None => match name {
            "amp" => Some('&'),
            "lt" => Some('<'),
            "gt" => Some('>'),
            "apos" => Some('\''),
            "quot" => Some('"'),
            _ => None,
        },
    };
    found.ok_or_else(|| ill_formed("a reference to nothing"))
}

/// Adds to `value` what a text says; whether it is CDATA does not matter to what it says.
pub(crate) fn value_of_text(value: &mut String, bytes: &[u8]) -> Result<(), Refusal> {
    let text = utf8(bytes)?;
    if text.contains('\r') {
        value.push_str(&text.replace("\r\n", "\n").replace('\r', "\n"));
    } else {
        value.push_str(text);
    }
    Ok(())
}
