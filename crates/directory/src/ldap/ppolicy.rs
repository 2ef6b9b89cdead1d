//! What an LDAP server says of a password besides whether it is right (draft-behera-ldap-password-policy-10).

use ldap3::controls::{Control, RawControl};

/// The control, in requests without a value and in answers with one (6.1, 6.2).
const OID: &str = "1.3.6.1.4.1.42.2.27.8.5.1";

/// Asks for it.
pub(super) fn asked() -> RawControl {
    RawControl {
        ctype: OID.to_owned(),
        crit: false,
        val: None,
    }
}

/// What was said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Said {
    /// How many times more the password is taken, though it expired.
    pub(super) grace: Option<u32>,
    /// What is wrong.
    pub(super) error: Option<Wrong>,
}

/// What is wrong (6.2, `error`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wrong {
    Expired,
    Locked,
    MustChange,
    /// A new password is refused, in words for an operator.
    New(&'static str),
}

/// What the controls of an answer say; nothing, when they say nothing that can be read.
pub(super) fn said(controls: &[Control]) -> Said {
    let mut values = controls.iter();
    let found = values.find(|control| control.1.ctype == OID);
    let value = found.and_then(|control| control.1.val.as_deref());
    value.and_then(read).unwrap_or_default()
}

/// `SEQUENCE { warning [0] CHOICE { timeBeforeExpiration [0] INTEGER, graceAuthNsRemaining [1] INTEGER }
/// OPTIONAL, error [1] ENUMERATED OPTIONAL }`
fn read(value: &[u8]) -> Option<Said> {
    let (0x30, mut inside, []) = element(value)? else {
        return None;
    };
    let mut said = Said::default();
    while !inside.is_empty() {
        let (tag, content, rest) = element(inside)?;
        match tag {
            0xa0 => {
                if let (0x81, grace, []) = element(content)? {
                    said.grace = Some(number(grace)?);
                }
            }
            0x81 => said.error = wrong(number(content)?),
            _ => return None,
        }
        inside = rest;
    }
    Some(said)
}

fn wrong(error: u32) -> Option<Wrong> {
    Some(match error {
        0 => Wrong::Expired,
        1 => Wrong::Locked,
        2 => Wrong::MustChange,
        3 => Wrong::New("it may not be changed"),
        4 => Wrong::New("the old one is asked for"),
        5 => Wrong::New("it is too simple"),
        6 => Wrong::New("it is too short"),
        7 => Wrong::New("the present one is too young"),
        8 => Wrong::New("it is one of those of before"),
        _ => return None,
    })
}

/// Tag, content and what follows (X.690 8.1, lengths up to 255).
fn element(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let ([tag, 0x81, length, rest @ ..] | [tag, length @ 0..=0x7f, rest @ ..]) = bytes else {
        return None;
    };
    let (content, rest) = rest.split_at_checked(usize::from(*length))?;
    Some((*tag, content, rest))
}

fn number(bytes: &[u8]) -> Option<u32> {
    let fits = !bytes.is_empty() && bytes.len() <= 4;
    fits.then(|| {
        bytes
            .iter()
            .fold(0, |number, byte| (number << 8) | u32::from(*byte))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a02_what_a_server_says_of_a_password_is_read() {
        let said = |grace, error| Some(Said { grace, error });
        for (bytes, expected) in [
            (&[0x30, 0x00][..], said(None, None)),
            (&[0x30, 3, 0x81, 1, 0], said(None, Some(Wrong::Expired))),
            (&[0x30, 3, 0x81, 1, 1], said(None, Some(Wrong::Locked))),
            (&[0x30, 3, 0x81, 1, 2], said(None, Some(Wrong::MustChange))),
            (&[0x30, 3, 0x81, 1, 99], said(None, None)),
            (&[0x30, 5, 0xa0, 3, 0x81, 1, 3], said(Some(3), None)),
            (&[0x30, 6, 0xa0, 4, 0x80, 2, 1, 0], said(None, None)),
            (
                &[0x30, 0x81, 8, 0xa0, 3, 0x81, 1, 0, 0x81, 1, 2],
                said(Some(0), Some(Wrong::MustChange)),
            ),
            (&[], None),
            (&[0x30], None),
            (&[0x30, 1], None),
            (&[0x31, 0], None),
            (&[0x30, 0, 0], None),
            (&[0x30, 3, 0x81, 2, 0], None),
            (&[0x30, 2, 0x81, 0], None),
            (&[0x30, 3, 0x82, 1, 0], None),
            (&[0x30, 0x84, 0, 0, 0, 0], None),
            (&[0x30, 4, 0xa0, 2, 0x81, 1], None),
        ] {
            assert_eq!(read(bytes), expected, "{bytes:x?}");
        }
    }

    proptest! {
        #[test]
        fn whatever_it_says_nothing_breaks(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            read(&bytes);
        }
    }
}
