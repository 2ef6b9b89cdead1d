//! What makers send beside a box of tokens: a table (CSV) or PSKC (RFC 6030).

use super::{NewToken, pskc, serial};
use crate::otp::{self, Hash};

/// Bytes of a file: some hundred thousand tokens.
const LONGEST: usize = 64 * 1024 * 1024;
/// Names of columns, as makers and directories write them.
const COLUMNS: [(&str, &[&str]); 7] = [
    (
        "serial",
        &["serial", "serialnumber", "serialno", "numeroserie", "sn"],
    ),
    (
        "seed",
        &["seed", "secret", "secretkey", "graine", "key", "base32"],
    ),
    ("hex", &["hex", "seedhex", "secrethex", "hexseed"]),
    ("period", &["period", "timeinterval", "interval", "periode"]),
    ("digits", &["digits", "chiffres", "otplength"]),
    ("counter", &["counter", "compteur"]),
    ("hash", &["hash", "algorithm", "algorithme"]),
];

/// What is wrong with a file, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {why}")]
pub struct Faulty {
    /// `line 3`, or the serial number.
    pub place: String,
    /// Why. No secret is in it.
    pub why: String,
}

impl Faulty {
    pub(super) fn new(place: impl Into<String>, why: impl Into<String>) -> Self {
        Self {
            place: place.into(),
            why: why.into(),
        }
    }
}

/// The tokens of a file; every fault at once. `key`: the one that a PSKC file is encrypted with, agreed on
/// with the maker.
pub fn read(text: &str, key: Option<&[u8]>) -> Result<Vec<NewToken>, Vec<Faulty>> {
    let text = text.trim_start_matches('\u{feff}');
    if text.len() > LONGEST {
        return Err(vec![Faulty::new("file", "longer than 64 MiB")]);
    }
    let read = if text.trim_start().starts_with('<') {
        pskc::read(text, key)
    } else {
        table(text)
    };
    let (tokens, mut faults) = read?;
    let mut serials: Vec<&str> = tokens.iter().map(|one| one.serial.as_str()).collect();
    serials.sort_unstable();
    for pair in serials.windows(2) {
        if let [one, other] = pair
            && one == other
        {
            faults.push(Faulty::new(*one, "is there twice"));
        }
    }
    faults.extend(tokens.iter().filter_map(unfit));
    if faults.is_empty() && tokens.is_empty() {
        faults.push(Faulty::new("file", "no token in it"));
    }
    if faults.is_empty() {
        Ok(tokens)
    } else {
        Err(faults)
    }
}

/// What was read, and what could not be.
pub(super) type Read = Result<(Vec<NewToken>, Vec<Faulty>), Vec<Faulty>>;

fn unfit(token: &NewToken) -> Option<Faulty> {
    let why = if token.serial.is_empty() {
        "a serial number of letters and digits is missing"
    } else if !(16..=64).contains(&token.seed.len()) {
        "a seed has 16 to 64 bytes (RFC 4226 4)"
    } else if !matches!(token.digits, 6 | 8) {
        "codes have 6 or 8 digits"
    } else if !matches!(token.period_s, 0 | 30 | 60) {
        "a step has 30 or 60 seconds, or none"
    } else {
        return None;
    };
    Some(Faulty::new(token.serial.clone(), why))
}

fn table(text: &str) -> Read {
    let first = text.lines().next().unwrap_or_default();
    let comma = if first.contains(';') { b';' } else { b',' };
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(comma)
        .trim(csv::Trim::All)
        .from_reader(text.as_bytes());
    let headers = reader
        .headers()
        .map_err(|why| vec![Faulty::new("line 1", why.to_string())])?;
    let named: Vec<Option<&str>> = headers.iter().map(column).collect();
    let has = |name: &str| named.contains(&Some(name));
    if !has("serial") || !(has("seed") || has("hex")) {
        let why = "expected columns serial, and seed (base32) or hex";
        return Err(vec![Faulty::new("line 1", why)]);
    }
    let (mut tokens, mut faults) = (Vec::new(), Vec::new());
    for (number, row) in reader.records().enumerate() {
        let place = format!("line {}", number + 2);
        let row = match row {
            Ok(row) => row,
            Err(why) => {
                faults.push(Faulty::new(place, why.to_string()));
                continue;
            }
        };
        let cell = |name: &str| {
            let mut cells = named.iter().zip(row.iter());
            let found = cells.find(|(one, text)| **one == Some(name) && !text.is_empty());
            found.map(|(_, text)| text)
        };
        match token(&cell) {
            Ok(token) => tokens.push(token),
            Err(why) => faults.push(Faulty::new(place, why)),
        }
    }
    Ok((tokens, faults))
}

fn column(header: &str) -> Option<&'static str> {
    let letters = header.chars().filter(|letter| letter.is_alphanumeric());
    let name: String = letters.collect::<String>().to_lowercase().replace('é', "e");
    let mut known = COLUMNS.iter();
    let found = known.find(|(_, names)| names.contains(&name.as_str()));
    found.map(|(column, _)| *column)
}

fn token<'a>(cell: &impl Fn(&str) -> Option<&'a str>) -> Result<NewToken, String> {
    let number = |name: &str, usual: u32| match cell(name) {
        None => Ok(usual),
        Some(text) => text.parse().map_err(|_| format!("{name} is no number")),
    };
    let seed = match (cell("hex"), cell("seed")) {
        (Some(text), _) => from_hex(text).ok_or("hex is no hexadecimal")?,
        (None, Some(text)) => otp::from_base32(text).ok_or("seed is no base32")?,
        (None, None) => return Err("a seed is missing".to_owned()),
    };
    let hash = match cell("hash").map(str::to_ascii_lowercase).as_deref() {
        None | Some("sha1" | "sha-1" | "hmac-sha1") => Hash::Sha1,
        Some("sha256" | "sha-256" | "hmac-sha256") => Hash::Sha256,
        Some(_) => return Err("hash is sha1 or sha256".to_owned()),
    };
    // Who tells a counter and no period has tokens that count presses.
    let period = if cell("counter").is_some() { 0 } else { 30 };
    Ok(NewToken {
        serial: serial(cell("serial").unwrap_or_default()),
        seed,
        hash,
        digits: number("digits", otp::DIGITS)?,
        period_s: number("period", period)?,
        counter: number("counter", 0)?,
    })
}

/// Reads hexadecimal, with or without spaces.
pub fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> = text.bytes().filter(|byte| *byte != b' ').collect();
    let pairs = digits.chunks(2).map(|pair| {
        let pair = std::str::from_utf8(pair)
            .ok()
            .filter(|pair| pair.len() == 2)?;
        u8::from_str_radix(pair, 16).ok()
    });
    pairs.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a07_tables_of_several_makers_are_read() {
        let seed = b"12345678901234567890";
        let hex = "3132333435363738393031323334353637383930";
        let base32 = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
        let told = NewToken {
            serial: "FT001".to_owned(),
            seed: seed.to_vec(),
            hash: Hash::Sha1,
            digits: 6,
            period_s: 30,
            counter: 0,
        };
        for (text, changed) in [
            (format!("serial,seed\nft-001,{base32}\n"), told.clone()),
            (
                format!(
                    "\u{feff}upn,Serial Number,Secret Key,Time Interval,Manufacturer\n,FT001,{base32},60,F\n"
                ),
                NewToken {
                    period_s: 60,
                    ..told.clone()
                },
            ),
            (
                format!("Numéro série;hex;chiffres;compteur;algorithme\nFT001;{hex};8;7;SHA256\n"),
                NewToken {
                    digits: 8,
                    period_s: 0,
                    counter: 7,
                    hash: Hash::Sha256,
                    ..told.clone()
                },
            ),
        ] {
            assert_eq!(read(&text, None).unwrap(), [changed], "{text}");
        }
    }

    #[test]
    fn a07_every_fault_of_a_table_is_told_with_its_line_and_no_seed() {
        let faults = |text: &str| read(text, None).unwrap_err();
        assert!(faults("a,b\n1,2\n")[0].to_string().contains("line 1"));
        assert_eq!(faults("serial,seed\n")[0].place, "file");
        assert_eq!(faults("")[0].place, "line 1");
        let secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
        let text = format!(
            "serial,seed,digits\nA1,{secret},six\nA2,{secret}9,6\nA3,GEZDGNBV,6\n,{secret},6\nA5,{secret},7\nA6,{secret},6\nA6,{secret},6\nA7\n"
        );
        let faults = faults(&text);
        let places: Vec<&str> = faults.iter().map(|fault| fault.place.as_str()).collect();
        assert_eq!(places, ["line 2", "line 3", "line 9", "A6", "A3", "", "A5"]);
        let told: String = faults.iter().map(ToString::to_string).collect();
        assert!(!told.contains(secret), "{told}");
    }
}
