//! Base64 and DEFLATE, as the bindings use them.

use std::borrow::Cow;
use std::cell::RefCell;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use miniz_oxide::inflate::TINFLStatus as Status;
use miniz_oxide::inflate::core::{DecompressorOxide, decompress, inflate_flags};

use crate::Refusal;
use crate::preflight::MESSAGE;

/// What a message sent by Redirect may inflate to (SECURITY 3).
pub(crate) const INFLATED: usize = 64 * 1024;

/// Decodes base64 of at most a message; line breaks and blanks are passed over (RFC 2045, which
/// SAML Bindings 3.5.4 refers to), anything else is refused.
pub(crate) fn decode(text: &str, part: &'static str) -> Result<Vec<u8>, Refusal> {
    // A third more than the bytes, and as much again for the most generous layout.
    if text.len() > MESSAGE.bytes * 2 {
        return Err(Refusal::TooLarge {
            bytes: text.len(),
            limit: MESSAGE.bytes * 2,
        });
    }
    // Nearly always without line breaks: then it is decoded where it stands.
    let mut compact = Cow::Borrowed(text.as_bytes());
    if compact.iter().any(u8::is_ascii_whitespace) {
        compact.to_mut().retain(|byte| !byte.is_ascii_whitespace());
    }
    STANDARD
        .decode(compact)
        .map_err(|_| Refusal::NotBase64 { part })
}

thread_local! {
    /// Its tables take 11 kB: made once a thread, not once a message.
    static INFLATER: RefCell<DecompressorOxide> = RefCell::default();
}

/// Inflates a raw DEFLATE stream, and stops one byte beyond the cap: what it would have become is
/// never held.
pub(crate) fn inflate(deflated: &[u8]) -> Result<Vec<u8>, Refusal> {
    // Messages become two or three times as long.
    let guess = (deflated.len() * 4).clamp(256, INFLATED);
    match inflate_into(deflated, guess) {
        Err(Refusal::InflatesTooFar { .. }) => inflate_into(deflated, INFLATED),
        inflated => inflated,
    }
}

fn inflate_into(deflated: &[u8], limit: usize) -> Result<Vec<u8>, Refusal> {
    INFLATER.with_borrow_mut(|inflater| {
        inflater.init();
        // What goes before is looked up in what came out: no window of 32 kB beside it.
        let flags = inflate_flags::TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF;
        let mut bytes = vec![0; limit + 1];
        let (status, taken, given) = decompress(inflater, deflated, &mut bytes, 0, flags);
        if status == Status::HasMoreOutput || given > limit {
            return Err(Refusal::InflatesTooFar { limit: INFLATED });
        }
        // Bytes after the stream belong to nothing that was read.
        if status != Status::Done || taken != deflated.len() {
            return Err(Refusal::NotDeflated);
        }
        bytes.truncate(given);
        Ok(bytes)
    })
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::DeflateEncoder;

    use super::{INFLATED, decode, inflate};

    fn deflate(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn what_was_deflated_inflates() {
        assert_eq!(inflate(&deflate(b"<a/>")).unwrap(), b"<a/>");
        for length in [0, 255, 256, 257, 4096, 40_000, INFLATED - 1, INFLATED] {
            let full = vec![b' '; length];
            assert_eq!(inflate(&deflate(&full)).unwrap(), full);
            let mixed: Vec<u8> = (0u32..)
                .map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()[0])
                .take(length)
                .collect();
            assert_eq!(inflate(&deflate(&mixed)).unwrap(), mixed);
        }
    }

    #[test]
    fn a_deflate_bomb_stops_at_the_cap() {
        let bomb = deflate(&vec![b' '; 64 << 20]);
        assert_eq!(inflate(&bomb).unwrap_err().code(), "EDU-2004");
        assert_eq!(
            inflate(&deflate(&vec![0; INFLATED + 1]))
                .unwrap_err()
                .code(),
            "EDU-2004"
        );
    }

    #[test]
    fn what_is_not_deflated_is_refused() {
        let whole = deflate(b"<a/>");
        let (cut, _) = whole.split_at(whole.len() - 1);
        let mut more = whole.clone();
        more.push(0);
        for bytes in [
            &[][..],
            b"<a/>",
            &[0xff; 8],
            cut,
            &more,
            &[0x78, 0x9c, 3, 0, 0, 0, 0, 1],
        ] {
            assert_eq!(inflate(bytes).unwrap_err().code(), "EDU-2003", "{bytes:?}");
        }
    }

    #[test]
    fn only_base64_is_decoded() {
        assert_eq!(decode("PGEv\r\nPg==\n", "x").unwrap(), b"<a/>");
        for text in [
            "%%%",
            "é",
            "AAAA=AAAA",
            "A",
            "PGEvPg",
            "PGEvPg=",
            "PGE_Pg==",
            "PGEvPh==",
        ] {
            assert_eq!(decode(text, "x").unwrap_err().code(), "EDU-2002", "{text}");
        }
        let long = "AAAA".repeat(200 * 1024);
        assert_eq!(decode(&long, "x").unwrap_err().code(), "EDU-2001");
    }
}
