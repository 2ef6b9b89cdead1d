//! Answers a service provider must not believe, posted to the portal's assertion consumer service.
//! Each is refused with its code, changes nothing, and costs little.

use std::time::Duration;

use saml::response::SignWhat;
use saml::{EntityId, SigningKey};
use visits::forge::{self, Answer};
use visits::{Client, House, process};

mod inside;

/// A house, a browser that opened an attempt, and the real key of the identity provider.
struct Scene {
    house: House,
    client: Client,
    answer: Answer,
    key: SigningKey,
}

impl Scene {
    fn open() -> Self {
        let house = House::start();
        let client = house.client();
        let answer = forge::attempt(&house, &client);
        let key = forge::key(&house, "idp-personnel");
        Self {
            house,
            client,
            answer,
            key,
        }
    }

    /// Posts `xml`; asserts a clear refusal at a small price, and that the attempt still serves
    /// the genuine answer afterwards.
    fn assert_refused(&self, xml: &str, code: &str) {
        self.assert_refused_field(&forge::base64(xml), code);
        let genuine = self.answer.compose(&self.key);
        let landed = self.post(&forge::base64(&genuine));
        assert_eq!(
            landed.user().as_deref(),
            Some("forged"),
            "the attempt was lost: {}",
            landed.body
        );
    }

    fn assert_refused_field(&self, field: &str, code: &str) {
        let pid = self.house.pid();
        let (_, peak_before) = process::memory_kb(pid);
        let cpu_before = process::cpu_time(pid);
        let answer = self.post(field);
        let cpu = process::cpu_time(pid).saturating_sub(cpu_before);
        let (_, peak) = process::memory_kb(pid);
        assert!(
            matches!(answer.status, 400 | 403),
            "{} {}",
            answer.status,
            answer.body
        );
        let found = answer.code().unwrap_or_default();
        assert!(
            found.starts_with(code),
            "{found} where {code} was expected: {}",
            self.story(&answer)
        );
        assert!(answer.reference().is_some());
        assert_eq!(answer.user(), None);
        assert!(
            self.client.get("/portail/").status == 303,
            "nobody is signed in"
        );
        assert!(cpu < Duration::from_millis(250), "{cpu:?} of CPU");
        assert!(
            peak.saturating_sub(peak_before) < 50_000,
            "{peak_before} kB then {peak} kB"
        );
    }

    fn post(&self, field: &str) -> visits::Answer {
        self.client.follow(
            self.client
                .post("/portail/saml/acs", &[("SAMLResponse", field)]),
        )
    }

    fn story(&self, answer: &visits::Answer) -> String {
        let reference = answer.reference().unwrap_or_default();
        String::from_utf8_lossy(&self.house.run(&["trace", &reference]).stdout).into_owned()
    }
}

/// The first element with this local name, with its end.
fn element(xml: &str, local: &str) -> String {
    let start = xml
        .match_indices('<')
        .map(|(at, _)| at)
        .find(|at| {
            let name = xml[at + 1..].split([' ', '>']).next().unwrap_or_default();
            name.rsplit(':').next() == Some(local) && !name.starts_with('/')
        })
        .unwrap_or_else(|| panic!("no {local} in {xml}"));
    let name = xml[start + 1..]
        .split([' ', '>'])
        .next()
        .unwrap_or_default();
    let end = format!("</{name}>");
    let stop = xml[start..].rfind(&end).map(|at| start + at + end.len());
    // The last end tag of that name belongs to the first start tag as long as none is nested twice.
    let stop = if local == "Signature" {
        xml[start..].find(&end).map(|at| start + at + end.len())
    } else {
        stop
    };
    xml[start..stop.expect("an end tag")].to_owned()
}

/// The value of the first `ID` attribute.
fn id_of(xml: &str) -> String {
    visits::client::between(xml, " ID=\"", "\"").expect("an ID")
}

/// A copy that claims somebody else and has another ID.
fn evil(xml: &str) -> String {
    xml.replacen(&id_of(xml), "_evil", 1)
        .replace(">forged<", ">operateur<")
}

#[test]
fn a_genuine_answer_is_taken_so_that_the_refusals_below_mean_something() {
    let scene = Scene::open();
    let landed = scene.post(&forge::base64(&scene.answer.compose(&scene.key)));
    assert_eq!(landed.user().as_deref(), Some("forged"));
}

#[test]
fn a_relay_state_of_anybodys_leads_nowhere_else() {
    let scene = Scene::open();
    let field = forge::base64(&scene.answer.compose(&scene.key));
    let fields = [
        ("SAMLResponse", field.as_str()),
        ("RelayState", "https://evil.example/"),
    ];
    let answer = scene.client.post("/portail/saml/acs", &fields);
    assert!(!answer.location().contains("evil"), "{}", answer.location());
    assert_eq!(
        scene.client.follow(answer).user().as_deref(),
        Some("forged")
    );
}

#[test]
fn a_response_signed_by_a_stranger_is_refused() {
    let scene = Scene::open();
    scene.assert_refused(&scene.answer.compose(&forge::stranger()), "EDU-2");
}

#[test]
fn an_unsigned_response_is_refused() {
    let scene = Scene::open();
    let xml = scene.answer.compose(&scene.key);
    let xml = xml.replace(&element(&xml, "Signature"), "");
    let xml = xml.replace(
        &element(&format!("{xml}<x:Signature></x:Signature>"), "Signature"),
        "",
    );
    assert!(!xml.contains("SignatureValue"));
    scene.assert_refused(&xml, "EDU-2");
}

#[test]
fn h08_a_replayed_response_is_refused() {
    let scene = Scene::open();
    let field = forge::base64(&scene.answer.compose(&scene.key));
    assert_eq!(scene.post(&field).user().as_deref(), Some("forged"));
    let again = scene.post(&field);
    assert_eq!(again.status, 403, "{}", again.body);
    assert!(again.code().is_some());
    // The same assertion under a fresh attempt of another browser.
    let thief = scene.house.client();
    let mut stolen = forge::attempt(&scene.house, &thief);
    stolen.assertion_id = scene.answer.assertion_id.clone();
    let stolen = forge::base64(&stolen.compose(&scene.key));
    let again = thief.follow(thief.post("/portail/saml/acs", &[("SAMLResponse", &stolen)]));
    assert_eq!((again.status, again.user()), (403, None), "{}", again.body);
}

#[test]
fn a_response_for_another_audience_is_refused() {
    let scene = Scene::open();
    let mut answer = scene.answer.clone();
    answer.audience = EntityId::parse(&scene.house.at("/magistere")).unwrap();
    scene.assert_refused(&answer.compose(&scene.key), "EDU-2");
}

#[test]
fn a_response_for_another_address_is_refused() {
    let scene = Scene::open();
    let mut answer = scene.answer.clone();
    answer.acs = scene.house.at("/magistere/saml/acs");
    scene.assert_refused(&answer.compose(&scene.key), "EDU-2");
}

#[test]
fn an_expired_response_is_refused() {
    let scene = Scene::open();
    let mut answer = scene.answer.clone();
    answer.now = forge::now() - Duration::from_secs(3600);
    scene.assert_refused(&answer.compose(&scene.key), "EDU-2");
}

#[test]
fn a_response_from_the_future_is_refused() {
    let scene = Scene::open();
    let mut answer = scene.answer.clone();
    answer.now = forge::now() + Duration::from_secs(3600);
    scene.assert_refused(&answer.compose(&scene.key), "EDU-2");
}

#[test]
fn an_unsolicited_response_is_refused() {
    let scene = Scene::open();
    let mut answer = scene.answer.clone();
    answer.in_response_to = None;
    scene.assert_refused(&answer.compose(&scene.key), "EDU-");
}

#[test]
fn a_response_to_a_request_never_made_is_refused() {
    let scene = Scene::open();
    let mut answer = scene.answer.clone();
    answer.in_response_to = Some(forge::random_id());
    scene.assert_refused(&answer.compose(&scene.key), "EDU-");
}

#[test]
fn another_realm_may_not_answer_for_the_one_that_was_asked() {
    let scene = Scene::open();
    let mut answer = scene.answer.clone();
    answer.issuer = EntityId::parse(&scene.house.at("/idp/eleve")).unwrap();
    scene.assert_refused(
        &answer.compose(&forge::key(&scene.house, "idp-eleve")),
        "EDU-",
    );
}

#[test]
fn h08_a_response_carried_to_another_browser_does_not_land() {
    let scene = Scene::open();
    let other = scene.house.client();
    let field = forge::base64(&scene.answer.compose(&scene.key));
    let page = other.follow(other.post("/portail/saml/acs", &[("SAMLResponse", &field)]));
    assert_eq!((page.status, page.user()), (403, None), "{}", page.body);
    assert_eq!(other.get("/portail/").status, 303);
}

#[test]
fn h01_xsw1_the_signed_response_hidden_in_its_own_signature() {
    let scene = Scene::open();
    let mut answer = scene.answer.clone();
    answer.sign = SignWhat::Response;
    let xml = answer.compose(&scene.key);
    let signature = element(&xml, "Signature");
    let bare = xml.replace(&signature, "");
    let wrapped = signature.replace("</ds:Signature>", &format!("{bare}</ds:Signature>"));
    scene.assert_refused(&evil(&xml).replace(&signature, &wrapped), "EDU-2");
}

#[test]
fn h01_xsw2_the_signed_response_beside_the_signature() {
    let scene = Scene::open();
    let mut answer = scene.answer.clone();
    answer.sign = SignWhat::Response;
    let xml = answer.compose(&scene.key);
    let signature = element(&xml, "Signature");
    let bare = xml.replace(&signature, "");
    scene.assert_refused(
        &evil(&xml).replace(&signature, &format!("{bare}{signature}")),
        "EDU-2",
    );
}

#[test]
fn h01_xsw3_a_forged_assertion_before_the_signed_one() {
    let (scene, xml, assertion, signature) = signed_assertion();
    let forged = evil(&assertion.replace(&signature, ""));
    scene.assert_refused(
        &xml.replace(&assertion, &format!("{forged}{assertion}")),
        "EDU-2",
    );
}

#[test]
fn h01_xsw4_a_forged_assertion_around_the_signed_one() {
    let (scene, xml, assertion, signature) = signed_assertion();
    let forged = evil(&assertion.replace(&signature, ""));
    let forged = forged.replace(
        "</saml:Assertion>",
        &format!("{assertion}</saml:Assertion>"),
    );
    scene.assert_refused(&xml.replace(&assertion, &forged), "EDU-2");
}

#[test]
fn h01_xsw5_a_forged_assertion_with_the_signature_of_another() {
    let (scene, xml, assertion, signature) = signed_assertion();
    let forged = evil(&assertion);
    let bare = assertion.replace(&signature, "");
    scene.assert_refused(
        &xml.replace(&assertion, &format!("{forged}{bare}")),
        "EDU-2",
    );
}

#[test]
fn h01_xsw6_the_signed_assertion_inside_the_forged_ones_signature() {
    let (scene, xml, assertion, signature) = signed_assertion();
    let bare = assertion.replace(&signature, "");
    let wrapped = signature.replace("</ds:Signature>", &format!("{bare}</ds:Signature>"));
    scene.assert_refused(
        &xml.replace(&assertion, &evil(&assertion).replace(&signature, &wrapped)),
        "EDU-2",
    );
}

#[test]
fn h01_xsw7_a_forged_assertion_inside_extensions() {
    let (scene, xml, assertion, signature) = signed_assertion();
    let forged = evil(&assertion.replace(&signature, ""));
    let extensions = format!(
        "<samlp:Extensions xmlns:samlp=\"urn:oasis:names:tc:SAML:2.0:protocol\">{forged}</samlp:Extensions>"
    );
    scene.assert_refused(
        &xml.replace(&assertion, &format!("{extensions}{assertion}")),
        "EDU-2",
    );
}

#[test]
fn h01_xsw8_the_signed_assertion_inside_an_object_of_the_signature() {
    let (scene, xml, assertion, signature) = signed_assertion();
    let bare = assertion.replace(&signature, "");
    let wrapped = signature.replace(
        "</ds:Signature>",
        &format!("<ds:Object>{bare}</ds:Object></ds:Signature>"),
    );
    scene.assert_refused(
        &xml.replace(&assertion, &evil(&assertion).replace(&signature, &wrapped)),
        "EDU-2",
    );
}

fn signed_assertion() -> (Scene, String, String, String) {
    let scene = Scene::open();
    let mut answer = scene.answer.clone();
    answer.sign = SignWhat::Assertion;
    let xml = answer.compose(&scene.key);
    let assertion = element(&xml, "Assertion");
    let signature = element(&assertion, "Signature");
    (scene, xml, assertion, signature)
}

#[test]
fn h02_a_doctype_is_refused() {
    let scene = Scene::open();
    let xml = scene.answer.compose(&scene.key);
    let bomb = "<!DOCTYPE r [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;&a;\">]>";
    scene.assert_refused(&format!("{bomb}{xml}"), "EDU-2");
}

#[test]
fn h02_a_value_cut_by_a_comment_is_refused() {
    let scene = Scene::open();
    let mut answer = scene.answer.clone();
    answer.uid = "operateur.evil".to_owned();
    let xml = answer.compose(&scene.key);
    scene.assert_refused(
        &xml.replace("operateur.evil", "operateur<!-- -->.evil"),
        "EDU-2",
    );
}

#[test]
fn h02_a_processing_instruction_is_refused() {
    let scene = Scene::open();
    let xml = scene.answer.compose(&scene.key);
    scene.assert_refused(&xml.replace(">forged<", ">for<?x y?>ged<"), "EDU-2");
}

#[test]
fn h03_an_xpath_transform_is_refused() {
    let xpath = "<ds:Transform Algorithm=\"http://www.w3.org/TR/1999/REC-xpath-19991116\">\
                 <ds:XPath>count(//. | //@* | //namespace::*) &gt; 0</ds:XPath></ds:Transform>";
    with_transforms(xpath);
}

#[test]
fn h03_an_xslt_transform_is_refused() {
    let xslt = "<ds:Transform Algorithm=\"http://www.w3.org/TR/1999/REC-xslt-19991116\">\
                <xsl:stylesheet xmlns:xsl=\"http://www.w3.org/1999/XSL/Transform\" version=\"1.0\"/>\
                </ds:Transform>";
    with_transforms(xslt);
}

fn with_transforms(extra: &str) {
    let scene = Scene::open();
    let xml = scene.answer.compose(&scene.key);
    assert!(xml.contains("</ds:Transforms>"));
    let xml = xml.replace("</ds:Transforms>", &format!("{extra}</ds:Transforms>"));
    scene.assert_refused(&xml, "EDU-2");
}

#[test]
fn h03_a_reference_to_http_is_never_fetched() {
    let scene = Scene::open();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let port = listener.local_addr().unwrap().port();
    with_reference(&scene, &format!("http://127.0.0.1:{port}/x"));
    let asked = listener.accept();
    assert!(asked.is_err(), "the reference was fetched");
}

#[test]
fn h03_a_reference_to_a_file_is_never_read() {
    let scene = Scene::open();
    with_reference(&scene, "file:///dev/zero");
}

#[test]
fn h03_an_empty_reference_is_refused() {
    let scene = Scene::open();
    with_reference(&scene, "");
}

fn with_reference(scene: &Scene, uri: &str) {
    let xml = scene.answer.compose(&scene.key);
    let reference = format!("URI=\"#{}\"", id_of(&xml));
    assert!(xml.contains(&reference), "{xml}");
    scene.assert_refused(&xml.replace(&reference, &format!("URI=\"{uri}\"")), "EDU-2");
}

#[test]
fn h07_sha1_is_refused() {
    let scene = Scene::open();
    let xml = scene.answer.compose(&scene.key);
    let xml = xml.replace(
        "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
        "http://www.w3.org/2000/09/xmldsig#rsa-sha1",
    );
    scene.assert_refused(&xml, "EDU-2");
}

#[test]
fn h07_hmac_with_the_public_key_is_refused() {
    let scene = Scene::open();
    let xml = scene.answer.compose(&scene.key);
    let xml = xml.replace(
        "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
        "http://www.w3.org/2001/04/xmldsig-more#hmac-sha256",
    );
    scene.assert_refused(&xml, "EDU-2");
}

#[test]
fn a_tampered_value_is_refused() {
    let scene = Scene::open();
    let xml = scene
        .answer
        .compose(&scene.key)
        .replace(">forged<", ">operateur<");
    scene.assert_refused(&xml, "EDU-2");
}

#[test]
fn two_elements_with_one_id_are_refused() {
    let scene = Scene::open();
    let xml = scene.answer.compose(&scene.key);
    let assertion = element(&xml, "Assertion");
    let doubled = xml.replacen(&id_of(&assertion), &id_of(&xml), 2);
    scene.assert_refused(&doubled, "EDU-2");
}

#[test]
fn a_deep_document_is_refused_cheaply() {
    let scene = Scene::open();
    let deep = format!("{}{}", "<a>".repeat(20_000), "</a>".repeat(20_000));
    scene.assert_refused(&deep, "EDU-2");
}

#[test]
fn forty_thousand_attributes_are_refused_cheaply() {
    let scene = Scene::open();
    let attributes: String = (0..15_000).map(|n| format!(" a{n}=\"\"")).collect();
    scene.assert_refused(&format!("<a{attributes}/>"), "EDU-2");
}

#[test]
fn what_is_not_base64_is_refused() {
    let scene = Scene::open();
    for field in ["", "%%%", "é", "AAAA=AAAA", "PHg+"] {
        scene.assert_refused_field(field, "EDU-");
    }
}
