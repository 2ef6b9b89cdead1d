//! `application/x-www-form-urlencoded`, strictly: every escape whole, every text UTF-8, every
//! parameter once.

use std::fmt;

use serde::de::value::MapDeserializer;
use serde::de::{DeserializeOwned, Deserializer, Error as _, IntoDeserializer, Visitor};
use serde::forward_to_deserialize_any;

use crate::Refused;

/// Parameters one request may have: several times what the longest form has, and few enough that
/// none is made only to be counted.
const MOST: usize = 100;

/// Reads `text` as `T`.
pub(crate) fn read<T: DeserializeOwned>(text: &[u8]) -> Result<T, Refused> {
    let pairs = split(text)?;
    let map = pairs.into_iter().map(|(name, value)| (name, Text(value)));
    T::deserialize(MapDeserializer::<_, Fault>::new(map)).map_err(|fault| {
        Refused::malformed(
            "EDU-1003",
            "malformed",
            format!("the parameters do not fit: {fault}"),
        )
    })
}

/// Names and values, decoded.
pub(crate) fn split(text: &[u8]) -> Result<Vec<(String, String)>, Refused> {
    let parts = || {
        text.split(|byte| *byte == b'&')
            .filter(|part| !part.is_empty())
    };
    if parts().nth(MOST).is_some() {
        let story = format!("more than {MOST} parameters");
        return Err(Refused::malformed("EDU-1004", "malformed", story));
    }
    let mut pairs: Vec<(String, String)> = Vec::new();
    for part in parts() {
        let at = part
            .iter()
            .position(|byte| *byte == b'=')
            .unwrap_or(part.len());
        let (name, value) = part.split_at(at);
        let name = decode(name)?;
        // Few enough to be compared with each other.
        if pairs.iter().any(|(known, _)| *known == name) {
            let story = format!("the parameter {:?} is given twice", short(&name));
            return Err(Refused::malformed("EDU-1002", "malformed", story));
        }
        pairs.push((name, decode(value.get(1..).unwrap_or_default())?));
    }
    Ok(pairs)
}

fn short(text: &str) -> String {
    text.chars().take(60).collect()
}

/// Undoes percent escapes, strictly.
pub(crate) fn decode(text: &[u8]) -> Result<String, Refused> {
    let wrong = |why| Refused::malformed("EDU-1001", "malformed", why);
    let is_plain = |byte: &u8| !matches!(byte, b'+' | b'%' | 0);
    if text.iter().all(is_plain) {
        let text = std::str::from_utf8(text).map_err(|_| wrong("a parameter is not UTF-8"))?;
        return Ok(text.to_owned());
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.iter();
    while let Some(byte) = rest.next() {
        match byte {
            b'+' => bytes.push(b' '),
            b'%' => {
                let digit = |byte: Option<&u8>| byte.and_then(|b| char::from(*b).to_digit(16));
                let (high, low) = (digit(rest.next()), digit(rest.next()));
                let (Some(high), Some(low)) = (high, low) else {
                    return Err(wrong("a percent escape is not whole"));
                };
                bytes.push(u8::try_from(high * 16 + low).unwrap_or_default());
            }
            0 => return Err(wrong("a parameter holds a null")),
            byte => bytes.push(*byte),
        }
    }
    if bytes.contains(&0) {
        return Err(wrong("a parameter holds a null"));
    }
    String::from_utf8(bytes).map_err(|_| wrong("a parameter is not UTF-8"))
}

/// A value: a text that can stand for an option, a truth or a number.
struct Text(String);

impl IntoDeserializer<'_, Fault> for Text {
    type Deserializer = Self;
    fn into_deserializer(self) -> Self {
        self
    }
}

macro_rules! numbers {
    ($($method:ident $visit:ident)+) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
            let number = self.0.parse().map_err(|_| Fault::custom("not a number of that size"))?;
            visitor.$visit(number)
        })+
    };
}

impl<'de> Deserializer<'de> for Text {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_string(self.0)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_some(self)
    }

    /// XML Schema's lexical forms of a boolean, as SAML's discovery protocol has them.
    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.0.as_str() {
            "true" | "1" => visitor.visit_bool(true),
            "false" | "0" => visitor.visit_bool(false),
            _ => Err(Fault::custom("neither true nor false")),
        }
    }

    numbers!(deserialize_u16 visit_u16 deserialize_u32 visit_u32 deserialize_u64 visit_u64
             deserialize_i64 visit_i64);

    forward_to_deserialize_any! {
        i8 i16 i32 i128 u8 u128 f32 f64 char str string bytes byte_buf unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

#[derive(Debug)]
struct Fault(String);

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Fault {}

impl serde::de::Error for Fault {
    fn custom<T: fmt::Display>(why: T) -> Self {
        Self(why.to_string().chars().take(200).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Deserialize, PartialEq)]
    struct Sample {
        a: String,
        b: Option<String>,
        c: Option<bool>,
        d: Option<u16>,
    }

    #[test]
    fn what_is_well_formed_is_read() {
        let read: Sample = read("a=%C3%A9+x&c=true&d=7&other=1&".as_bytes()).unwrap();
        assert_eq!(
            read,
            Sample {
                a: "é x".to_owned(),
                b: None,
                c: Some(true),
                d: Some(7)
            }
        );
    }

    #[test]
    fn what_is_not_is_refused_with_its_code() {
        for (text, code) in [
            (&b"a=%"[..], "EDU-1001"),
            (b"a=%4", "EDU-1001"),
            (b"a=%zz", "EDU-1001"),
            (b"a=%ff", "EDU-1001"),
            (b"a=\xff", "EDU-1001"),
            (b"a=%00", "EDU-1001"),
            (b"a=1&a=1", "EDU-1002"),
            (b"a=1&%61=1", "EDU-1002"),
            (b"x=1&x=2&a=1", "EDU-1002"),
            (b"", "EDU-1003"),
            (b"b=1", "EDU-1003"),
            (b"a=1&c=maybe", "EDU-1003"),
            (b"a=1&d=70000", "EDU-1003"),
        ] {
            let refused = read::<Sample>(text).unwrap_err();
            assert_eq!(refused.code, code, "{}", String::from_utf8_lossy(text));
        }
    }

    #[test]
    fn a_hundred_parameters_are_the_most() {
        let many = |count: usize| {
            let names: Vec<String> = (0..count).map(|n| format!("p{n}=")).collect();
            format!("a=1&{}", names.join("&"))
        };
        assert!(read::<Sample>(many(MOST - 1).as_bytes()).is_ok());
        let refused = read::<Sample>(many(MOST).as_bytes()).unwrap_err();
        assert_eq!(refused.code, "EDU-1004");
    }

    #[test]
    fn a_parameter_given_twice_is_named_shortly() {
        let long = "n".repeat(5000);
        let refused = read::<Sample>(format!("{long}=1&{long}=2").as_bytes()).unwrap_err();
        assert_eq!(refused.code, "EDU-1002");
        assert!(refused.story.contains("nnnn") && refused.story.len() < 120);
    }
}
