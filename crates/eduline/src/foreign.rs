//! Every reader of foreign bytes in the house, by name: what the programs of `fuzz/` and the bounded
//! test beside this crate feed. Nothing may panic, whatever the bytes.

use std::path::Path;

use crate::settings;

/// A reader, fed with any bytes.
pub type Reader = fn(&[u8]);

/// All of them. Each has a program `fuzz/fuzz_targets/NAME.rs` and seeds in `fuzz/seeds/NAME`.
pub const READERS: [(&str, Reader); 17] = [
    ("query", saml::foreign::query),
    ("wrapped", saml::foreign::wrapped),
    ("request", saml::foreign::request),
    ("answer", saml::foreign::answer),
    ("logout", saml::foreign::logout),
    ("soap", saml::foreign::soap),
    ("artifact", saml::foreign::artifact),
    ("metadata", saml::foreign::metadata),
    ("certificate", saml::foreign::certificate),
    ("question", wayf::foreign::question),
    ("choices", wayf::foreign::choices),
    ("form", web::foreign::form),
    ("header", web::foreign::header),
    ("accounts", accounts),
    ("catalogue", catalogue),
    ("services", services),
    ("settings", settings),
];

/// Feeds the reader of that name.
pub fn feed(name: &str, bytes: &[u8]) {
    let reader = READERS.iter().find(|(known, _)| *known == name);
    assert!(
        reader.is_some() && saml::foreign::is_ready(),
        "nothing to feed: {name}"
    );
    if let Some((_, reader)) = reader {
        reader(bytes);
    }
}

/// A file of accounts: a fault names its line, or there is none.
fn accounts(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    if let Err(faults) = directory::import::read_csv(&text, "password") {
        assert!(!faults.is_empty(), "refused without a reason");
    }
    directory::import::seeds(&text).ok();
    let wording = directory::import::Wording {
        realm: directory::Realm::Parent,
        attributes: directory::Attributes::default(),
        functions: Vec::new(),
    };
    let requests = directory::import::Aaf::of(bytes);
    for record in requests.chain(directory::import::Ldif::of(bytes, wording)) {
        assert!(
            record.said.is_some() || !record.faults.is_empty(),
            "refused without a reason"
        );
    }
    directory::otp::from_base32(&text);
}

/// The catalogue of applications: one that is taken leads to paths of ours and to https only.
fn catalogue(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    match portal::catalogue::Catalogue::parse(&text, &|name| name.len() < 20) {
        Ok(read) => {
            for one in &read.applications {
                let leads = one.url.starts_with("https://") || one.url.starts_with('/');
                assert!(leads && !one.url.starts_with("//"), "{}", one.url);
            }
        }
        Err(faults) => assert!(faults.iter().all(|fault| fault.line > 0), "{faults:?}"),
    }
}

/// The file of what is decided for services.
fn services(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let read: Result<std::collections::BTreeMap<String, idp::policy::Policy>, _> =
        toml::from_str(&text);
    if let Ok(policies) = read {
        let written = toml::to_string(&policies).map(|text| toml::from_str(&text));
        assert_eq!(
            written,
            Ok(Ok(policies)),
            "it is not read as it was written"
        );
    }
}

/// The settings: what is refused has a reason with a place.
fn settings(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let file = Path::new("/nowhere/eduline.toml");
    let (read, faults) = settings::parse(file, &text, std::iter::empty());
    assert!(
        read.is_some() || !faults.is_empty(),
        "refused without a reason"
    );
}
