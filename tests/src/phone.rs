//! An application that shows one-time codes, made of OpenSSL and nothing of ours (RFC 6238).

use openssl::hash::MessageDigest;
use openssl::pkey::PKey;
use openssl::sign::Signer;

/// A phone. Its clock goes ahead a step with each code, so that no test waits for the next one.
pub struct Phone {
    seed: Vec<u8>,
    step: i64,
}

impl Phone {
    /// A phone that was given a seed in base32.
    pub fn with(seed: &str) -> Self {
        let mut bits = String::new();
        for letter in seed.chars().filter(|letter| !letter.is_whitespace()) {
            let at = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".find(letter);
            bits.push_str(&format!("{:05b}", at.expect("base32")));
        }
        let bytes = bits.as_bytes().chunks_exact(8);
        let byte = |bits: &[u8]| u8::from_str_radix(std::str::from_utf8(bits).ok()?, 2).ok();
        Self {
            seed: bytes.map(|bits| byte(bits).expect("a byte")).collect(),
            step: crate::forge::now().timestamp() / 30 - 1,
        }
    }

    /// The next code.
    pub fn code(&mut self) -> String {
        self.step = (self.step + 1).max(crate::forge::now().timestamp() / 30);
        self.shown()
    }

    /// The code it shows: of the step of the last one.
    pub fn shown(&self) -> String {
        let key = PKey::hmac(&self.seed).expect("a key");
        let mut signer = Signer::new(MessageDigest::sha1(), &key).expect("HMAC");
        signer.update(&self.step.to_be_bytes()).expect("HMAC");
        let mac = signer.sign_to_vec().expect("HMAC");
        let offset = usize::from(mac[19] & 15);
        let four: [u8; 4] = mac[offset..offset + 4].try_into().expect("four bytes");
        format!(
            "{:06}",
            (u32::from_be_bytes(four) & 0x7fff_ffff) % 1_000_000
        )
    }

    /// Six digits that it shows neither now nor soon.
    pub fn wrong(&self) -> String {
        let mut ahead = Self {
            seed: self.seed.clone(),
            step: self.step - 4,
        };
        let near: Vec<String> = (0..12)
            .map(|_| {
                ahead.step += 1;
                ahead.shown()
            })
            .collect();
        let codes = (0..).map(|number| format!("{number:06}"));
        codes
            .into_iter()
            .find(|code| !near.contains(code))
            .expect("a code")
    }
}
