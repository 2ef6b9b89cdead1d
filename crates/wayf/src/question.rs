//! The question a service asks (Identity Provider Discovery 2.4.1), and the answer it gets.

use federation::Snapshot;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use saml::EntityId;
use saml::metadata::SpRole;
use serde::Deserialize;
use web::Refused;

/// The only policy there is (2.4.1): one identity provider is answered.
const SINGLE: &str = "urn:oasis:names:tc:SAML:profiles:SSO:idp-discovery-protocol:single";

/// What an entityID is written with in an answer: RFC 3986 unreserved characters, all else encoded.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// The parameters as they came.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct RawQuestion {
    #[serde(rename = "entityID")]
    pub(crate) entity_id: Option<String>,
    pub(crate) r#return: Option<String>,
    #[serde(rename = "returnIDParam")]
    pub(crate) return_id_param: Option<String>,
    pub(crate) policy: Option<String>,
    #[serde(rename = "isPassive")]
    pub(crate) is_passive: Option<String>,
    /// Not of the protocol: whoever sends a visitor back to choose again says so with it.
    pub(crate) change: Option<String>,
}

/// A question of a service we know, to be answered at an address of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Question {
    /// Who asks.
    pub(crate) service: EntityId,
    /// Where the answer goes, as it was asked for.
    pub(crate) back: String,
    /// The parameter the answer is given in.
    pub(crate) parameter: String,
    /// Whether nothing may be shown.
    pub(crate) passive: bool,
}

impl Question {
    /// Reads a question; without one, the visitor is for `default`.
    pub(crate) fn parse(
        raw: RawQuestion,
        default: &EntityId,
        known: &Snapshot,
    ) -> Result<Self, Refused> {
        if raw.policy.is_some_and(|policy| policy != SINGLE) {
            return Err(malformed("a policy that is not the protocol's"));
        }
        let passive = match raw.is_passive.as_deref() {
            None | Some("false" | "0") => false,
            Some("true" | "1") => true,
            Some(_) => return Err(malformed("isPassive is neither true nor false")),
        };
        let parameter = raw.return_id_param.unwrap_or_else(|| "entityID".to_owned());
        if !is_token(&parameter) {
            return Err(malformed("returnIDParam is not a plain name"));
        }
        let service = match raw.entity_id.as_deref() {
            Some(text) => EntityId::parse(text).map_err(|why| malformed(&why.to_string()))?,
            None if raw.r#return.is_none() => default.clone(),
            None => return Err(malformed("return without entityID")),
        };
        let Some((_, role)) = known.service(&service) else {
            return Err(unknown(&service, known));
        };
        let back = match raw.r#return {
            Some(text) if is_own(&text, role, &parameter) => text,
            Some(_) => return Err(foreign_return(&service)),
            // The metadata's own default answers to the same rules as one that was asked for.
            None => role
                .default_discovery()
                .filter(|location| is_own(location, role, &parameter))
                .map(str::to_owned)
                .ok_or_else(|| foreign_return(&service))?,
        };
        Ok(Self {
            service,
            back,
            parameter,
            passive,
        })
    }

    /// Where this question is asked again, from the start: a path of ours.
    pub(crate) fn again(&self) -> String {
        format!("/wayf/?{}&change=1", self.parameters())
    }

    /// Where an organisation is searched for: a path of ours.
    pub(crate) fn search(&self, profile: &str) -> String {
        format!("/wayf/search?{}&profile={profile}", self.parameters())
    }

    fn parameters(&self) -> String {
        let encode = |text: &str| utf8_percent_encode(text, ENCODED).to_string();
        format!(
            "entityID={}&return={}&returnIDParam={}",
            encode(self.service.as_str()),
            encode(&self.back),
            encode(&self.parameter),
        )
    }

    /// The address of the answer: the query of `return` is kept as it is, the provider comes last,
    /// percent-encoded (2.4.3). Without a provider the address is given back as it came.
    pub(crate) fn answer(&self, provider: Option<&EntityId>) -> String {
        let back = &self.back;
        let Some(provider) = provider else {
            return back.clone();
        };
        let joint = match back.split_once('?') {
            None => "?",
            Some((_, query)) if query.is_empty() || query.ends_with('&') => "",
            Some(_) => "&",
        };
        let encoded = utf8_percent_encode(provider.as_str(), ENCODED);
        format!("{back}{joint}{}={encoded}", self.parameter)
    }
}

/// Whether `back` is one of the service's `DiscoveryResponse` locations, octet for octet, with
/// nothing but a query more (2.5: an open redirector otherwise); and whether that query leaves the
/// answer's parameter alone.
pub(crate) fn is_own(back: &str, role: &SpRole, parameter: &str) -> bool {
    let printable = back
        .bytes()
        .all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'#' | b'\\' | b'"' | b'<' | b'>'));
    if !printable {
        return false;
    }
    let own = role.discovery.iter().any(|discovery| {
        let location = discovery.location.as_str();
        back.strip_prefix(location).is_some_and(|more| {
            more.is_empty()
                || if location.contains('?') {
                    more.starts_with('&')
                } else {
                    more.starts_with('?')
                }
        })
    });
    let query = back.split_once('?').map_or("", |(_, query)| query);
    own && query.split('&').all(|pair| {
        let name = pair.split('=').next().unwrap_or_default().replace('+', " ");
        percent_decode_str(&name)
            .decode_utf8()
            .is_ok_and(|name| name != parameter)
    })
}

/// A name that can be nothing but a parameter's name.
pub(crate) fn is_token(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    (1..=64).contains(&text.len()) && text.bytes().all(plain)
}

fn malformed(story: &str) -> Refused {
    Refused::malformed("EDU-3001", "malformed", story)
}

/// Nobody is told that their service is unknown while we know nobody.
fn unknown(service: &EntityId, known: &Snapshot) -> Refused {
    if known.is_empty() {
        let mut refused = Refused::away("EDU-3003", "the federation is empty: no metadata yet");
        refused.words = "starting";
        return refused;
    }
    Refused::forbidden(
        "EDU-3002",
        "wayf-service",
        "the service is not in the federation",
    )
    .with("sp", service.as_str())
}

fn foreign_return(service: &EntityId) -> Refused {
    let story = "return is none of the service's DiscoveryResponse locations";
    Refused::forbidden("EDU-3004", "wayf-return", story).with("sp", service.as_str())
}

#[cfg(test)]
mod tests {
    use saml::metadata::IndexedEndpointUrl;

    use super::*;

    fn role(locations: &[&str]) -> SpRole {
        SpRole {
            signing_keys: Vec::new(),
            encryption_keys: Vec::new(),
            acs: Vec::new(),
            slo: Vec::new(),
            signs_requests: true,
            wants_signed_assertions: true,
            name_id_formats: Vec::new(),
            discovery: locations
                .iter()
                .zip(0..)
                .map(|(location, index)| IndexedEndpointUrl {
                    location: (*location).to_owned(),
                    index,
                    is_default: false,
                })
                .collect(),
            requested_attributes: Vec::new(),
            attribute_services: Vec::new(),
            algorithms: saml::metadata::Algorithms::default(),
        }
    }

    #[test]
    fn return_is_one_of_the_services_own_octet_for_octet() {
        let role = role(&["https://sp.example/login", "https://sp.example/two?x=1"]);
        for good in [
            "https://sp.example/login",
            "https://sp.example/login?",
            "https://sp.example/login?a=b&c=%26entityID",
            "https://sp.example/two?x=1",
            "https://sp.example/two?x=1&y=2",
        ] {
            assert!(is_own(good, &role, "entityID"), "{good}");
        }
        for bad in [
            "",
            "https://sp.example/login/",
            "https://sp.example/login/../x",
            "https://sp.example/loginx",
            "https://sp.example/Login",
            "http://sp.example/login",
            "https://sp.example:443/login",
            "https://sp.example.evil.example/login",
            "https://sp.example@evil.example/login",
            "https://sp.example/login#x",
            "https://sp.example/login?a=b#x",
            "https://sp.example/login?entityID=x",
            "https://sp.example/login?a=b&entityID",
            "https://sp.example/login?%65ntityID=x",
            "https://sp.example/login?a=\r\nx",
            "https://sp.example/login?a=é",
            "https://sp.example/login?a= b",
            "https://sp.example/login?a=%ff&%ff=1",
            "https://sp.example/login\\@evil.example",
            "https://sp.example/two",
            "https://sp.example/two?x=12",
            "//sp.example/login",
            "javascript:alert(1)",
        ] {
            assert!(!is_own(bad, &role, "entityID"), "{bad}");
        }
    }

    #[test]
    fn the_answer_keeps_the_query_and_encodes_the_provider() {
        let question = |back: &str, parameter: &str| Question {
            service: EntityId::parse("https://sp.example/sp").unwrap(),
            back: back.into(),
            parameter: parameter.into(),
            passive: false,
        };
        let provider = EntityId::parse("https://idp.example/a?b=c&d#e~").unwrap();
        let encoded = "https%3A%2F%2Fidp.example%2Fa%3Fb%3Dc%26d%23e~";
        for (back, answer) in [
            ("https://sp.example/l", "https://sp.example/l?entityID="),
            ("https://sp.example/l?", "https://sp.example/l?entityID="),
            (
                "https://sp.example/l?a=%20",
                "https://sp.example/l?a=%20&entityID=",
            ),
            (
                "https://sp.example/l?a&",
                "https://sp.example/l?a&entityID=",
            ),
        ] {
            let given = question(back, "entityID").answer(Some(&provider));
            assert_eq!(given, format!("{answer}{encoded}"));
            assert_eq!(question(back, "entityID").answer(None), back);
        }
        let given = question("https://sp.example/l", "idp").answer(Some(&provider));
        assert!(given.ends_with(&format!("?idp={encoded}")));
    }

    #[test]
    fn a_question_is_asked_again_as_it_was() {
        let question = Question {
            service: EntityId::parse("https://sp.example/sp?a=b&c").unwrap(),
            back: "https://sp.example/l?x=%20&y=1".into(),
            parameter: "idp.x".into(),
            passive: false,
        };
        assert_eq!(
            question.again(),
            "/wayf/?entityID=https%3A%2F%2Fsp.example%2Fsp%3Fa%3Db%26c\
             &return=https%3A%2F%2Fsp.example%2Fl%3Fx%3D%2520%26y%3D1&returnIDParam=idp.x&change=1"
        );
    }

    #[test]
    fn a_parameters_name_is_a_plain_name() {
        for good in ["entityID", "a", "a.b-c_1", &"a".repeat(64)] {
            assert!(is_token(good), "{good}");
        }
        for bad in ["", "a&b", "a=b", "é", "a b", "a#b", "a%26", &"a".repeat(65)] {
            assert!(!is_token(bad), "{bad}");
        }
    }

    #[test]
    fn nobody_is_unknown_while_nobody_is_known() {
        let default = EntityId::parse("https://sp.example/sp").unwrap();
        let refused = |raw: RawQuestion| {
            let known = Snapshot::default();
            let refused = Question::parse(raw, &default, &known).unwrap_err();
            (refused.status.as_u16(), refused.code)
        };
        assert_eq!(refused(RawQuestion::default()), (503, "EDU-3003"));
        let text = |text: &str| Some(text.to_owned());
        for raw in [
            RawQuestion {
                policy: text("urn:x"),
                ..RawQuestion::default()
            },
            RawQuestion {
                is_passive: text("maybe"),
                ..RawQuestion::default()
            },
            RawQuestion {
                return_id_param: text("a&b"),
                ..RawQuestion::default()
            },
            RawQuestion {
                entity_id: text("no uri"),
                ..RawQuestion::default()
            },
            RawQuestion {
                r#return: text("https://sp.example/"),
                ..RawQuestion::default()
            },
        ] {
            assert_eq!(refused(raw), (400, "EDU-3001"));
        }
    }
}
