//! A sign-on that begins here: `GET …/sso/unsolicited?providerId=&shire=&target=` (SAML Profiles
//! 4.1.5).
//!
//! Anybody can make anybody's browser come here, so it is off until the operator allows it for a
//! service, and leads nowhere but to that service (P18).

use actix_web::HttpResponse;
use actix_web::web::Data;
use saml::EntityId;
use saml::metadata::SpRole;
use saml::request::AcsChoice;
use serde::Deserialize;
use web::{Event, Query, Refused, Visit};

use crate::flow::Flow;
use crate::realm::Realm;
use crate::{refusals, sso};

/// Who is to be answered, and where.
#[derive(Debug, Deserialize)]
pub(crate) struct Asked {
    #[serde(rename = "providerId")]
    provider_id: EntityId,
    /// One of its assertion consumer services; without it, the default.
    shire: Option<String>,
    /// The page to arrive at, given to it as `RelayState`.
    target: Option<String>,
}

pub(crate) async fn start(
    visit: Visit,
    realm: Data<Realm>,
    Query(asked): Query<Asked>,
) -> Result<HttpResponse, Refused> {
    let service = asked.provider_id;
    let refused = |why| refusals::unsolicited(why, &service, &realm);
    let now = visit.edge().now();
    let snapshot = realm.federation.look_for(&service, now).await;
    let Some((_, role)) = snapshot.service(&service) else {
        return Err(refusals::unknown_service(&service, &realm));
    };
    if !(realm.policies)(&service).unsolicited {
        return Err(refused("the service did not ask, and nobody allowed it"));
    }
    let choice = asked.shire.map_or(AcsChoice::Default, AcsChoice::Url);
    let acs = role
        .acs_of(&choice)
        .map_err(|refusal| refusals::of_message(&refusal, &realm).with("sp", service.as_str()))?;
    if asked
        .target
        .as_deref()
        .is_some_and(|to| !leads_to(to, role))
    {
        return Err(refused("the target is not of the service"));
    }
    visit.tell(
        Event::new("idp.unsolicited.accepted")
            .with("sp", service.as_str())
            .with("realm", realm.parts.realm.as_str())
            .with("acs", acs.location.as_str()),
    );
    let acs = acs.location.clone();
    let flow = Flow::unsolicited(service, acs, asked.target, &visit, &realm);
    sso::proceed(&visit, &realm, flow).await
}

/// Whether `target` is on a host the service's metadata answers for.
fn leads_to(target: &str, role: &SpRole) -> bool {
    role.acs.iter().any(|acs| {
        let rest = origin(&acs.location).and_then(|origin| target.strip_prefix(origin));
        // What follows an origin: nothing that would make it the beginning of another.
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?', '#']))
            && !target.contains(|c: char| c.is_control() || c.is_whitespace())
    })
}

/// Scheme, host and port of an address.
fn origin(address: &str) -> Option<&str> {
    let host = address.find("://")? + 3;
    let ends = address.get(host..)?.find(['/', '?', '#']);
    ends.map_or(Some(address), |length| address.get(..host + length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_ends_where_its_path_begins() {
        let origin_of = |address| origin(address).unwrap();
        assert_eq!(
            origin_of("https://sp.example/acs?a=b"),
            "https://sp.example"
        );
        assert_eq!(
            origin_of("https://sp.example:444"),
            "https://sp.example:444"
        );
        assert_eq!(origin("sp.example/acs"), None);
    }
}
