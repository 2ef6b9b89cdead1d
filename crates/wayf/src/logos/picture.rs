//! What is a picture: its kind by its first bytes, never by what its server says, and its size in
//! pixels by its head. Nothing is decoded.

/// Pixels of a side: a small file may say that it is a hundred thousand wide.
const SIDE: u32 = 2048;

/// The kinds that are taken. No SVG: a drawing may hold scripts and addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Png,
    Gif,
    Jpeg,
    Webp,
}

impl Kind {
    /// Its media type.
    pub(super) fn content_type(self) -> &'static str {
        match self {
            Self::Png => "image/png",
            Self::Gif => "image/gif",
            Self::Jpeg => "image/jpeg",
            Self::Webp => "image/webp",
        }
    }
}

/// The kind of a picture that may be shown.
pub(super) fn check(bytes: &[u8]) -> Result<Kind, &'static str> {
    let (kind, size) = match bytes {
        [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => (Kind::Png, png(bytes)),
        [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => (Kind::Gif, gif(bytes)),
        [0xff, 0xd8, 0xff, ..] => (Kind::Jpeg, jpeg(bytes)),
        [
            b'R',
            b'I',
            b'F',
            b'F',
            _,
            _,
            _,
            _,
            b'W',
            b'E',
            b'B',
            b'P',
            ..,
        ] => (Kind::Webp, webp(bytes)),
        _ => return Err("no PNG, GIF, JPEG or WebP"),
    };
    match size {
        Some((width, height)) if (1..=SIDE).contains(&width) && (1..=SIDE).contains(&height) => {
            Ok(kind)
        }
        Some(_) => Err("too many pixels, or none"),
        None => Err("a picture without a size"),
    }
}

fn big(bytes: &[u8], at: usize, count: usize) -> Option<u32> {
    let part = bytes.get(at..at.checked_add(count)?)?;
    Some(
        part.iter()
            .fold(0, |all, byte| (all << 8) | u32::from(*byte)),
    )
}

fn little(bytes: &[u8], at: usize, count: usize) -> Option<u32> {
    let part = bytes.get(at..at.checked_add(count)?)?;
    let part = part.iter().rev();
    Some(part.fold(0, |all, byte| (all << 8) | u32::from(*byte)))
}

/// IHDR comes first (PNG 5.6, 11.2.2).
fn png(bytes: &[u8]) -> Option<(u32, u32)> {
    if bytes.get(12..16)? != b"IHDR" {
        return None;
    }
    Some((big(bytes, 16, 4)?, big(bytes, 20, 4)?))
}

/// The logical screen (`GIF89a` 18).
fn gif(bytes: &[u8]) -> Option<(u32, u32)> {
    Some((little(bytes, 6, 2)?, little(bytes, 8, 2)?))
}

/// The first frame header (ISO 10918-1 B.2.2).
fn jpeg(bytes: &[u8]) -> Option<(u32, u32)> {
    let mut at = 2;
    loop {
        if big(bytes, at, 1)? != 0xff {
            return None;
        }
        let marker = big(bytes, at + 1, 1)?;
        match marker {
            0xff => at += 1,
            0x01 | 0xd0..=0xd8 => at += 2,
            0xc0..=0xcf if ![0xc4, 0xc8, 0xcc].contains(&marker) => {
                return Some((big(bytes, at + 7, 2)?, big(bytes, at + 5, 2)?));
            }
            0xd9 | 0xda => return None,
            _ => at += 2 + length(bytes, at)?,
        }
    }
}

fn length(bytes: &[u8], at: usize) -> Option<usize> {
    let length = big(bytes, at + 2, 2)?;
    usize::try_from(length).ok().filter(|length| *length >= 2)
}

/// RFC 9649 2.5 to 2.7.
fn webp(bytes: &[u8]) -> Option<(u32, u32)> {
    match bytes.get(12..16)? {
        b"VP8X" => Some((little(bytes, 24, 3)? + 1, little(bytes, 27, 3)? + 1)),
        b"VP8 " => Some((
            little(bytes, 26, 2)? & 0x3fff,
            little(bytes, 28, 2)? & 0x3fff,
        )),
        b"VP8L" => {
            let bits = little(bytes, 21, 4)?;
            Some(((bits & 0x3fff) + 1, ((bits >> 14) & 0x3fff) + 1))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn png_of(width: u32, height: u32) -> Vec<u8> {
        let mut bytes = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec();
        bytes.extend(width.to_be_bytes());
        bytes.extend(height.to_be_bytes());
        bytes
    }

    #[test]
    fn pictures_of_four_kinds_are_taken() {
        assert_eq!(check(&png_of(160, 120)), Ok(Kind::Png));
        assert_eq!(check(b"GIF89a\x50\0\x3c\0"), Ok(Kind::Gif));
        let jpeg = b"\xff\xd8\xff\xe0\0\x04ab\xff\xc0\0\x0b\x08\0\x3c\0\x50\x03";
        assert_eq!(check(jpeg), Ok(Kind::Jpeg));
        let webp = b"RIFF\0\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0\x4f\0\0\x3b\0\0";
        assert_eq!(check(webp), Ok(Kind::Webp));
    }

    #[test]
    fn what_is_no_small_picture_is_refused() {
        for bad in [
            b"".as_slice(),
            b"<svg xmlns=\"http://www.w3.org/2000/svg\"><script>alert(1)</script></svg>",
            b"<?xml version=\"1.0\"?><svg/>",
            b"<!doctype html><script>alert(1)</script>",
            b"\x89PNG\r\n\x1a\n",
            b"GIF89a",
            b"GIF89a\0\0\0\0",
            b"\xff\xd8\xff",
            b"\xff\xd8\xff\xe0\0\0\0\0",
            b"\xff\xd8\xff\xd9",
            b"\xff\xd8\xff\xff\xff\xff",
            b"RIFF\0\0\0\0WEBP",
            b"RIFF\0\0\0\0WEBPVP8?aaaaaaaaaaaaaaaaaa",
            b"BM",
        ] {
            assert!(check(bad).is_err(), "{bad:?}");
        }
        for (width, height) in [(0, 1), (1, 0), (2049, 1), (1, u32::MAX), (100_000, 100_000)] {
            assert!(check(&png_of(width, height)).is_err(), "{width} × {height}");
        }
    }
}
