//! What strangers ask of discovery and leave in its cookie, fed to its readers with any bytes at all:
//! what fuzzing calls (`fuzz/`). Nothing may panic, and the assertions are the rules.

use federation::Snapshot;
use saml::EntityId;
use saml::metadata::{IndexedEndpointUrl, SpRole};
use web::foreign::parameters;

use crate::question::{Question, RawQuestion, is_own, is_token};
use crate::remembered;

const HERE: &str = "https://sp.example/login";
const THERE: &str = "https://sp.example/two?x=1";

/// A query to the discovery service: a visitor is sent to an address of the service, or nowhere.
pub fn question(bytes: &[u8]) {
    let Some(raw) = parameters::<RawQuestion>(bytes) else {
        return;
    };
    let back = raw.r#return.clone().unwrap_or_default();
    let parameter = raw.return_id_param.clone();
    let parameter = parameter.unwrap_or_else(|| "entityID".to_owned());
    let Ok(service) = EntityId::parse("https://sp.example/sp") else {
        return;
    };
    Question::parse(raw, &service, &Snapshot::default()).ok();
    if !is_token(&parameter) || !is_own(&back, &role(), &parameter) {
        return;
    }
    assert!(back.starts_with(HERE) || back.starts_with(THERE), "{back}");
    let question = Question {
        service: service.clone(),
        back: back.clone(),
        parameter,
        passive: false,
    };
    let answer = question.answer(Some(&service));
    assert!(answer.starts_with(&back), "{answer}");
    assert!(
        !answer.contains(['\r', '\n', '#', '"', '<', ' ']),
        "{answer}"
    );
}

/// The cookie of the last choices: what is kept of it is kept again as it is.
pub fn choices(bytes: &[u8]) {
    remembered::any(&String::from_utf8_lossy(bytes));
}

fn role() -> SpRole {
    let at = |location: &str, index| IndexedEndpointUrl {
        location: location.to_owned(),
        index,
        is_default: false,
    };
    SpRole {
        signing_keys: Vec::new(),
        encryption_keys: Vec::new(),
        acs: Vec::new(),
        slo: Vec::new(),
        signs_requests: true,
        wants_signed_assertions: true,
        name_id_formats: Vec::new(),
        discovery: vec![at(HERE, 0), at(THERE, 1)],
        requested_attributes: Vec::new(),
        attribute_services: Vec::new(),
        algorithms: saml::metadata::Algorithms::default(),
    }
}
