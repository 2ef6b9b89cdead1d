//! What a request may ask for in particular: one of the service's sets of attributes, one of its
//! addresses, one of the identity providers, and what nobody here has heard of.

use saml::request::{AcsChoice, Scoping};
use saml::{AuthnRequest, Binding, EntityId, MessageId};
use visits::{Answer, House, PASSWORD, forge, partner};

const ID: &str = "https://sp.partner.example/sp";

fn house() -> House {
    let house = House::start();
    let set = |index: u8, name: &str| {
        format!(
            "<md:AttributeConsumingService index=\"{index}\"><md:ServiceName xml:lang=\"fr\">x\
             </md:ServiceName><md:RequestedAttribute Name=\"{name}\" NameFormat=\
             \"urn:oasis:names:tc:SAML:2.0:attrname-format:uri\"/></md:AttributeConsumingService>"
        )
    };
    let sets = [
        set(0, saml::attribute::SN.name),
        set(7, saml::attribute::GIVEN_NAME.name),
    ]
    .concat();
    let text = format!(
        "<md:EntityDescriptor xmlns:md=\"urn:oasis:names:tc:SAML:2.0:metadata\" entityID=\"{ID}\">\
         <md:SPSSODescriptor protocolSupportEnumeration=\"urn:oasis:names:tc:SAML:2.0:protocol\">\
         <md:AssertionConsumerService index=\"0\" Location=\"https://sp.partner.example/acs\" \
         Binding=\"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST\"/>\
         <md:AssertionConsumerService index=\"5\" Location=\"https://sp.partner.example/other?x=1\" \
         Binding=\"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST\"/>{sets}\
         </md:SPSSODescriptor></md:EntityDescriptor>"
    );
    partner::add(&house, &text, &[]);
    partner::wait_until_known(&house, ID);
    house
}

/// What the identity provider says to a request of the service, unsigned, changed by `change`.
fn asked(house: &House, change: impl FnOnce(&mut AuthnRequest)) -> (visits::Client, Answer) {
    let id = EntityId::parse(ID).unwrap();
    let mut request = AuthnRequest::new(forge::random_id(), forge::now(), id);
    request.destination = Some(house.at("/idp/personnel/sso/redirect"));
    change(&mut request);
    let client = house.client();
    let page = client.open(&partner::unsigned(house, &request));
    (client, page)
}

fn response(page: &Answer) -> String {
    let field = page.field("SAMLResponse");
    let field = field.unwrap_or_else(|| panic!("no answer: {}", page.body));
    partner::decoded(&field)
}

#[test]
fn r03_the_set_of_attributes_a_request_names_is_the_one_that_is_sent() {
    let house = house();
    let received = |index: Option<u16>| {
        let (client, login) = asked(&house, |request| request.attribute_service = index);
        response(&client.sign_in(&login, "amartin", PASSWORD))
    };
    for (index, is, is_not) in [
        (None, "Martin", "Anne"),
        (Some(0), "Martin", "Anne"),
        (Some(7), "Anne", "Martin"),
    ] {
        let xml = received(index);
        let holds = |value: &str| xml.contains(&format!(">{value}<"));
        assert!(holds(is) && !holds(is_not), "{index:?}: {xml}");
    }
}

/// The address of a request of the service, its text changed by `change`, and its identifier.
fn changed(house: &House, change: impl FnOnce(&str) -> String) -> (String, MessageId) {
    let id = EntityId::parse(ID).unwrap();
    let mut request = AuthnRequest::new(forge::random_id(), forge::now(), id);
    request.destination = Some(house.at("/idp/personnel/sso/redirect"));
    let plain = forge::request_in(&partner::unsigned(house, &request));
    let text = change(&plain);
    assert_ne!(text, plain);
    let field = visits::client::form(&[("SAMLRequest", &forge::deflate(text.as_bytes()))]);
    (format!("/idp/personnel/sso/redirect?{field}"), request.id)
}

#[test]
fn p15_what_is_asked_for_and_not_done_is_told_to_the_service_at_its_own_address() {
    let house = house();
    let about = |name: &str| {
        let subject = format!(
            "</saml:Issuer><saml:Subject xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\">{name}\
             </saml:Subject>"
        );
        let (address, _) = changed(&house, |text| text.replacen("</saml:Issuer>", &subject, 1));
        let client = house.client();
        client.arrive("personnel", "amartin");
        client.open(&address)
    };
    let martin = "<saml:NameID>amartin</saml:NameID>";
    let sealed = "<saml:EncryptedID><x:y xmlns:x=\"urn:x\"/></saml:EncryptedID>";
    let unknown = asked(&house, |request| request.attribute_service = Some(3)).1;
    for told in [about(martin), about(sealed), about(""), unknown] {
        assert_eq!(told.status, 200, "{}", told.body);
        let to = told.action("SAMLResponse");
        assert_eq!(to.as_deref(), Some("https://sp.partner.example/acs"));
        let said = response(&told);
        assert!(said.contains("status:Requester"), "{said}");
        assert!(said.contains("status:RequestUnsupported"), "{said}");
        assert!(!said.contains("<saml:Assertion"), "{said}");
    }
    let lines = house.journal();
    let told = lines
        .iter()
        .filter(|line| line["event"] == "idp.request.unsupported");
    let codes: Vec<&str> = told.filter_map(|line| line["code"].as_str()).collect();
    assert_eq!(codes, ["EDU-2407", "EDU-2401", "EDU-2401", "EDU-2401"]);
}

#[test]
fn p19_a_request_for_another_provider_is_told_that_it_is_not_here() {
    let house = house();
    let scoped = |idp: &str| {
        let idps = vec![EntityId::parse(idp).unwrap()];
        let scoping = Scoping {
            idps,
            ..Scoping::default()
        };
        asked(&house, |request| request.scoping = Some(scoping)).1
    };
    let told = scoped("https://idp.elsewhere.example/idp");
    assert!(response(&told).contains("status:NoAvailableIDP"));
    assert!(
        scoped(&house.at("/idp/personnel"))
            .field("password")
            .is_some()
    );
}

/// P19: what a chain of services says of itself fails nothing; what is no chain is refused.
#[test]
fn p19_p10_on_whose_behalf_is_noted_and_nobody_elses_namespace_is_used() {
    let house = house();
    let requester = EntityId::parse("https://behind.example/sp").unwrap();
    for count in [None, Some(0), Some(3)] {
        let scoping = Scoping {
            proxy_count: count,
            requesters: vec![requester.clone()],
            ..Scoping::default()
        };
        let (client, login) = asked(&house, |request| request.scoping = Some(scoping));
        let answer = response(&client.sign_in(&login, "amartin", PASSWORD));
        assert!(answer.contains("status:Success"), "{answer}");
        let audience = format!("<saml:Audience>{ID}</saml:Audience>");
        assert!(answer.contains(&audience) && !answer.contains(requester.as_str()));
    }
    let lines = house.journal();
    let noted = lines
        .iter()
        .filter(|line| line["on_behalf_of"] == requester.as_str());
    assert_eq!(noted.count(), 3);
    let broken = |from: &str, to: &str| {
        let id = EntityId::parse(ID).unwrap();
        let mut request = AuthnRequest::new(forge::random_id(), forge::now(), id);
        request.scoping = Some(Scoping {
            proxy_count: Some(7),
            requesters: vec![requester.clone()],
            ..Scoping::default()
        });
        let xml = forge::request_in(&partner::unsigned(&house, &request));
        assert!(xml.contains(from), "{xml}");
        let changed = xml.replacen(from, to, 1);
        let field = visits::client::form(&[("SAMLRequest", &forge::deflate(changed.as_bytes()))]);
        house
            .client()
            .open(&format!("/idp/personnel/sso/redirect?{field}"))
    };
    for (from, to) in [
        ("ProxyCount=\"7\"", "ProxyCount=\"-1\""),
        ("ProxyCount=\"7\"", "ProxyCount=\"\""),
        (requester.as_str(), "nobody"),
        ("<samlp:RequesterID>", "<samlp:RequesterID><x/>"),
    ] {
        let refused = broken(from, to);
        assert_eq!(refused.status, 400, "{to}: {}", refused.body);
        assert!(refused.code().is_some());
    }

    // SAML Core 3.4.1.1: identifiers are made for who asks.
    let named = |name: &str| {
        let policy = saml::request::NameIdPolicy {
            format: Some(saml::NameIdFormat::Persistent),
            allow_create: true,
            sp_name_qualifier: Some(name.to_owned()),
        };
        asked(&house, |request| request.name_id_policy = Some(policy))
    };
    let (client, login) = named(ID);
    let answer = response(&client.sign_in(&login, "amartin", PASSWORD));
    assert!(
        answer.contains(&format!("SPNameQualifier=\"{ID}\"")),
        "{answer}"
    );
    for name in [
        requester.as_str(),
        "urn:affiliation",
        "",
        "https://sp.partner.example/SP",
    ] {
        let (_, told) = named(name);
        let answer = response(&told);
        assert!(
            answer.contains("status:InvalidNameIDPolicy"),
            "{name}: {answer}"
        );
    }
}

/// P08, IIP-IDP12: a binding that is asked for is that of the address, or nothing is sent.
#[test]
fn p08_the_binding_a_request_names_is_that_of_its_address() {
    let house = house();
    let url = |text: &str| AcsChoice::Url(text.to_owned());
    let first = "https://sp.partner.example/acs";
    for choice in [AcsChoice::Default, url(first)] {
        let (_, login) = asked(&house, |request| {
            request.acs = choice.clone();
            request.protocol_binding = Some(Binding::Post);
        });
        assert!(
            login.field("password").is_some(),
            "{choice:?}: {}",
            login.body
        );
        for other in [
            Binding::Artifact,
            Binding::Paos,
            Binding::Redirect,
            Binding::Soap,
        ] {
            let (_, refused) = asked(&house, |request| {
                request.acs = choice.clone();
                request.protocol_binding = Some(other);
            });
            assert_eq!(refused.status, 403, "{other:?}: {}", refused.body);
            let code = refused.code().unwrap();
            assert!(
                ["EDU-2403", "EDU-2404", "EDU-2406"].contains(&code.as_str()),
                "{code}"
            );
        }
    }
}

/// P08: by its exact address and by its index; the first one when nothing is asked for.
#[test]
fn p08_every_address_in_metadata_is_found_by_itself_and_by_its_index() {
    let house = house();
    let first = "https://sp.partner.example/acs";
    let other = "https://sp.partner.example/other?x=1";
    let url = |text: &str| AcsChoice::Url(text.to_owned());
    for (choice, address) in [
        (AcsChoice::Default, first),
        (url(first), first),
        (AcsChoice::Index(0), first),
        (url(other), other),
        (AcsChoice::Index(5), other),
    ] {
        let (client, login) = asked(&house, |request| request.acs = choice.clone());
        let page = client.sign_in(&login, "amartin", PASSWORD);
        let posted_to = page.action("SAMLResponse");
        assert_eq!(posted_to.as_deref(), Some(address), "{choice:?}");
        assert!(response(&page).contains(&format!("Destination=\"{address}\"")));
    }
    for choice in [
        AcsChoice::Index(1),
        AcsChoice::Index(7),
        url("https://sp.partner.example/other"),
        url("https://sp.partner.example/other?x=*"),
        url("https://sp.partner.example/*"),
    ] {
        let (_, page) = asked(&house, |request| request.acs = choice.clone());
        assert!(
            matches!(page.status, 400 | 403),
            "{choice:?}: {}",
            page.body
        );
        let code = page.code();
        assert!(
            code.is_some_and(|code| code.starts_with("EDU-2")),
            "{}",
            page.body
        );
    }
}

/// P20, IIP-EXT01.
#[test]
fn p20_extensions_and_attributes_nobody_here_knows_fail_no_message() {
    let house = house();
    let (address, request) = changed(&house, |plain| {
        plain
            .replacen(
                "<samlp:AuthnRequest ",
                "<samlp:AuthnRequest xmlns:x=\"urn:example:x\" x:mood=\"fine\" ",
                1,
            )
            .replacen(
                "</saml:Issuer>",
                "</saml:Issuer><samlp:Extensions><x:wish kind=\"a\">one<x:deep/></x:wish>\
                 <other xmlns=\"urn:example:y\"/></samlp:Extensions>",
                1,
            )
    });
    let client = house.client();
    let login = client.open(&address);
    let answer = response(&client.sign_in(&login, "amartin", PASSWORD));
    assert!(answer.contains("status:Success"), "{answer}");
    assert!(answer.contains(&format!("InResponseTo=\"{}\"", request.as_str())));
}
