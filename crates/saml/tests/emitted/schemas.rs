//! The order and the content of what we emit, held against the schemas of OASIS and the W3C.

use saml::metadata::{EntityPlan, Imprint, Localized, Offer, RolePlan, Ui};
use saml::response::SignWhat;
use saml::{Binding, Refusal};

use crate::documents::{
    IDP, P256, SP, acs, endpoint, entity, every, idp_role, imprint, keys, plan, requested,
    response, service, sp_role, ui,
};
use crate::witnesses;

#[test]
fn every_document_obeys_the_schemas() {
    for key in keys() {
        for emitted in every(&key.signing) {
            let obeys = witnesses::schemas(&emitted.xml);
            assert_eq!(obeys, Ok(()), "{}: {}", emitted.kind, emitted.xml);
        }
    }
}

#[test]
fn the_schemas_refuse_what_is_elsewhere_or_empty() {
    let xml = response(SignWhat::Response, &P256.signing);
    let issuer = xml.find("<saml:Issuer").unwrap();
    let signature = xml.find("<ds:Signature").unwrap();
    let mut moved = xml.clone();
    let taken: String = moved.drain(issuer..signature).collect();
    let status = moved.find("<samlp:Status").unwrap();
    moved.insert_str(status, &taken);
    assert!(witnesses::schemas(&moved).is_err());

    let xml = service(true, &P256.signing);
    for (written, otherwise) in [
        (
            "<md:Extensions>",
            "<md:Extensions></md:Extensions><md:Extensions>",
        ),
        (" index=\"0\"", ""),
        (" xml:lang=\"fr\"", ""),
        ("mdui:DisplayName", "mdui:Name"),
        (
            "metadata:algsupport\" Algorithm",
            "metadata:algsupport\" Name",
        ),
        ("PT3600S", "3600"),
        (":00Z\"", "\""),
    ] {
        let changed = xml.replace(written, otherwise);
        assert_ne!(xml, changed, "{written}");
        assert!(witnesses::schemas(&changed).is_err(), "{written}");
    }
}

/// Every decoration alone, and each with every other left out.
#[test]
fn every_way_to_show_oneself_obeys_the_schemas() {
    let full = ui();
    let none = Ui::default();
    let shown = [
        Ui {
            display_names: full.display_names.clone(),
            ..none.clone()
        },
        Ui {
            descriptions: full.descriptions.clone(),
            ..none.clone()
        },
        Ui {
            logos: full.logos.clone(),
            ..none.clone()
        },
        Ui {
            privacy_urls: full.privacy_urls.clone(),
            ..none.clone()
        },
        Ui {
            information_urls: full.information_urls.clone(),
            ..none.clone()
        },
        Ui {
            organization: full.organization.clone(),
            ..none.clone()
        },
        Ui {
            technical_contact: full.technical_contact.clone(),
            ..none.clone()
        },
        Ui {
            information_urls: Vec::new(),
            ..full.clone()
        },
    ];
    let (idp, sp, requested) = (entity(IDP), entity(SP), requested());
    for ui in &shown {
        let roles = [
            (&idp, idp_role(false)),
            (&sp, sp_role(false, &[])),
            (&sp, sp_role(false, &requested)),
        ];
        for role in roles {
            let plan = plan(role.0, ui, &[], role.1, &P256.signing);
            let xml = saml::metadata::compose(&plan, &P256.signing).unwrap();
            assert_eq!(witnesses::schemas(&xml), Ok(()), "{ui:?}: {xml}");
        }
    }
}

/// Each thing said of those who stand behind an entity, alone.
#[test]
fn every_imprint_obeys_the_schemas() {
    let full = imprint().clone();
    let none = Imprint::default();
    let mut imprints = vec![
        full.clone(),
        none.clone(),
        Imprint {
            organization: full.organization.clone(),
            ..none.clone()
        },
        Imprint {
            registration: full.registration.clone(),
            ..none.clone()
        },
        Imprint {
            attributes: full.attributes.clone(),
            ..none.clone()
        },
    ];
    let contacts = full.contacts.iter().map(|contact| Imprint {
        contacts: vec![contact.clone()],
        ..none.clone()
    });
    imprints.extend(contacts);
    let (sp, ui) = (entity(SP), Ui::default());
    for imprint in &imprints {
        let plan = plan(&sp, &ui, &[], sp_role(false, &[]), &P256.signing);
        let offer = Offer {
            imprint: Some(imprint),
            ..Offer::default()
        };
        let xml = saml::metadata::compose_with(&plan, &offer, &P256.signing).unwrap();
        assert_eq!(witnesses::schemas(&xml), Ok(()), "{imprint:?}: {xml}");
    }
    let bad = "a\u{b}b".to_owned();
    let mut unwritable = vec![full.clone(), full.clone(), full];
    unwritable[0].contacts[2].mail = bad.clone();
    unwritable[1].registration.as_mut().unwrap().authority = bad.clone();
    unwritable[2].organization[1].text = bad;
    for imprint in &unwritable {
        let plan = plan(&sp, &ui, &[], sp_role(false, &[]), &P256.signing);
        let offer = Offer {
            imprint: Some(imprint),
            ..Offer::default()
        };
        let composed = saml::metadata::compose_with(&plan, &offer, &P256.signing);
        assert!(matches!(composed, Err(Refusal::NotComposed { .. })));
    }
}

#[track_caller]
fn why_not(plan: &EntityPlan<'_>) -> &'static str {
    match saml::metadata::compose(plan, &P256.signing) {
        Err(Refusal::NotComposed { why }) => why,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_is_no_role_is_not_composed() {
    let (sp, ui, requested) = (entity(SP), ui(), requested());
    let of = |role, ui| plan(&sp, ui, &[], role, &P256.signing);
    let idp_without = RolePlan::Idp {
        sso: Vec::new(),
        slo: vec![endpoint(Binding::Post, "https://idp.example/slo")],
        name_id_formats: Vec::new(),
        scopes: Vec::new(),
        error_url: None,
        wants_signed_requests: true,
    };
    let service_at = |acs| RolePlan::Sp {
        acs,
        slo: Vec::new(),
        discovery: Vec::new(),
        name_id_formats: Vec::new(),
        requested_attributes: &[],
    };
    assert!(why_not(&of(idp_without, &ui)).contains("sign-on"));
    assert!(why_not(&of(service_at(Vec::new()), &ui)).contains("consumer"));
    assert!(why_not(&of(service_at(vec![acs(1), acs(0), acs(1)]), &ui)).contains("index"));
    for role in [idp_role(true), sp_role(true, &requested)] {
        let plan = EntityPlan {
            signing_certificates: Vec::new(),
            ..of(role, &ui)
        };
        assert!(why_not(&plan).contains("certificate"));
    }
}

#[test]
fn what_xml_forbids_is_in_no_metadata() {
    let sp = entity(SP);
    let bad = "a\u{b}b".to_owned();
    let text = vec![Localized {
        lang: "fr".to_owned(),
        text: bad.clone(),
    }];
    let full = ui();
    let shown = [
        Ui {
            display_names: text.clone(),
            ..full.clone()
        },
        Ui {
            descriptions: text.clone(),
            ..full.clone()
        },
        Ui {
            information_urls: text.clone(),
            ..full.clone()
        },
        Ui {
            organization: Some(bad.clone()),
            ..full.clone()
        },
        Ui {
            technical_contact: Some(bad.clone()),
            ..full.clone()
        },
    ];
    for ui in &shown {
        let plan = plan(&sp, ui, &[], sp_role(true, &[]), &P256.signing);
        assert!(why_not(&plan).contains("XML"), "{ui:?}");
    }
    let attributes = [("urn:x".to_owned(), vec![bad])];
    let plan = plan(&sp, &full, &attributes, sp_role(true, &[]), &P256.signing);
    assert!(why_not(&plan).contains("XML"));
}
