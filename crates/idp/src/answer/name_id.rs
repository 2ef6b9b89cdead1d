//! Which name identifier an answer carries (SAML Core 3.4.1.1, 8.3).

use saml::response::NameId;
use saml::{EntityId, NameIdFormat};

use crate::policy::NameIdChoice;

/// What speaks for a format, strongest first.
pub(super) struct Wanted<'a> {
    /// `NameIDPolicy/@Format` of the request.
    pub(super) asked: Option<&'a NameIdFormat>,
    /// What the operator decided.
    pub(super) policy: NameIdChoice,
    /// `NameIDFormat`s of the service's metadata, in their order.
    pub(super) published: &'a [NameIdFormat],
}

/// What it comes to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Chosen {
    /// One of this format.
    Format(NameIdFormat),
    /// None at all.
    None,
    /// The request asks for one that cannot be had: it is told so.
    Impossible,
}

/// Chooses. A mail address names somebody only to a service that receives it as an attribute, too.
pub(super) fn choose(wanted: &Wanted<'_>, has_mail: bool) -> Chosen {
    let made = |format: &NameIdFormat| match format {
        NameIdFormat::Transient | NameIdFormat::Persistent => true,
        NameIdFormat::EmailAddress => has_mail,
        _ => false,
    };
    match wanted.asked {
        None | Some(NameIdFormat::Unspecified) => {}
        Some(format) if made(format) => return Chosen::Format(format.clone()),
        Some(_) => return Chosen::Impossible,
    }
    match wanted.policy {
        NameIdChoice::None => Chosen::None,
        NameIdChoice::Transient => Chosen::Format(NameIdFormat::Transient),
        NameIdChoice::Persistent => Chosen::Format(NameIdFormat::Persistent),
        NameIdChoice::Email if has_mail => Chosen::Format(NameIdFormat::EmailAddress),
        NameIdChoice::Email => Chosen::Impossible,
        NameIdChoice::Metadata => {
            let first = wanted.published.iter().find(|format| made(format));
            Chosen::Format(first.cloned().unwrap_or(NameIdFormat::Transient))
        }
    }
}

/// The identifier. A mail address is the same for everybody: it needs no qualifiers.
pub(super) fn made(
    issuer: &EntityId,
    service: &EntityId,
    format: NameIdFormat,
    value: String,
) -> NameId {
    let is_shared = format == NameIdFormat::EmailAddress;
    let of = |entity: &EntityId| (!is_shared).then(|| entity.as_str().to_owned());
    NameId {
        value,
        name_qualifier: of(issuer),
        sp_name_qualifier: of(service),
        format,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use NameIdFormat::{EmailAddress, Entity, Other, Persistent, Transient, Unspecified};

    fn chosen(
        asked: Option<NameIdFormat>,
        policy: NameIdChoice,
        published: &[NameIdFormat],
    ) -> Chosen {
        let asked = asked.as_ref();
        choose(
            &Wanted {
                asked,
                policy,
                published,
            },
            true,
        )
    }

    #[test]
    fn what_is_asked_for_comes_first() {
        for format in [Transient, Persistent, EmailAddress] {
            let chosen = chosen(Some(format.clone()), NameIdChoice::None, &[]);
            assert_eq!(chosen, Chosen::Format(format));
        }
        for format in [Entity, Other("urn:x".to_owned())] {
            assert_eq!(
                chosen(Some(format), NameIdChoice::Transient, &[]),
                Chosen::Impossible
            );
        }
    }

    #[test]
    fn then_what_the_operator_says_then_metadata() {
        for asked in [None, Some(Unspecified)] {
            let chosen = |policy, published: &[_]| chosen(asked.clone(), policy, published);
            assert_eq!(chosen(NameIdChoice::None, &[Persistent]), Chosen::None);
            let lasting = Chosen::Format(Persistent);
            assert_eq!(chosen(NameIdChoice::Persistent, &[Transient]), lasting);
            assert_eq!(
                chosen(NameIdChoice::Metadata, &[Entity, Persistent, Transient]),
                lasting
            );
            let once = Chosen::Format(Transient);
            assert_eq!(chosen(NameIdChoice::Metadata, &[Entity]), once);
            assert_eq!(chosen(NameIdChoice::Metadata, &[]), once);
            assert_eq!(chosen(NameIdChoice::Transient, &[Persistent]), once);
        }
    }

    #[test]
    fn a_mail_address_that_is_not_released_names_nobody() {
        let with = |asked: Option<&NameIdFormat>, policy| {
            let published = [EmailAddress, Persistent];
            choose(
                &Wanted {
                    asked,
                    policy,
                    published: &published,
                },
                false,
            )
        };
        assert_eq!(
            with(Some(&EmailAddress), NameIdChoice::Email),
            Chosen::Impossible
        );
        assert_eq!(with(None, NameIdChoice::Email), Chosen::Impossible);
        assert_eq!(
            with(None, NameIdChoice::Metadata),
            Chosen::Format(Persistent)
        );
    }
}
