//! What a request may ask for in particular: one of the service's sets of attributes, one of the
//! identity providers.

use saml::request::Scoping;
use saml::{AuthnRequest, EntityId};
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
    let (_, refused) = asked(&house, |request| request.attribute_service = Some(3));
    assert_eq!(refused.status, 403, "{}", refused.body);
    assert!(refused.code().is_some() && refused.field("password").is_none());
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
