//! Requests that an identity provider must not answer, sent by POST: their signature is in the document,
//! and so is what attacks it. Nearly all are really signed with the key of a service that is trusted.

use std::time::Duration;

use openssl::hash::MessageDigest;
use openssl::pkey::PKey;
use openssl::sign::Signer;
use saml::request::AcsChoice;
use saml::{AuthnRequest, EntityId, SigningKey};
use visits::forge::seal::{Seal, placed};
use visits::{Answer, House, forge, process};

const SAMLP: &str = "urn:oasis:names:tc:SAML:2.0:protocol";

/// A house, and the key of its portal, which signs its requests.
struct Scene {
    house: House,
    key: SigningKey,
}

impl Scene {
    fn open() -> Self {
        let house = House::start();
        let key = forge::key(&house, "portail");
        Self { house, key }
    }

    /// A request of the portal.
    fn request(&self) -> AuthnRequest {
        let issuer = EntityId::parse(&self.house.at("/portail")).unwrap();
        AuthnRequest {
            destination: Some(self.house.at("/idp/personnel/sso/post")),
            acs: AcsChoice::Url(self.house.at("/portail/saml/acs")),
            protocol_binding: Some(saml::Binding::Post),
            ..AuthnRequest::new(forge::random_id(), forge::now(), issuer)
        }
    }

    /// The same, signed.
    fn signed(&self, request: &AuthnRequest) -> String {
        saml::post::compose(request, &self.key).unwrap()
    }

    /// A request as it is signed: whole, its signature, and without it.
    fn parts(&self) -> (String, String, String) {
        let xml = self.signed(&self.request());
        let (start, stop) = (
            xml.find("<ds:Signature ").unwrap(),
            xml.find("</ds:Signature>").unwrap() + "</ds:Signature>".len(),
        );
        let (signature, bare) = (
            xml[start..stop].to_owned(),
            format!("{}{}", &xml[..start], &xml[stop..]),
        );
        (xml, signature, bare)
    }

    fn post(&self, fields: &[(&str, &str)]) -> Answer {
        let client = self.house.client();
        client.follow(client.post("/idp/personnel/sso/post", fields))
    }

    fn send(&self, xml: &str) -> Answer {
        self.post(&[("SAMLRequest", &forge::base64(xml))])
    }

    /// Refused with that code, at a small price; nobody is asked for a password, and nothing is sent.
    #[track_caller]
    fn assert_refused(&self, xml: &str, code: &str) {
        let pid = self.house.pid();
        let (before, (_, peak_before)) = (process::cpu_time(pid), process::memory_kb(pid));
        let answer = self.send(xml);
        let cpu = process::cpu_time(pid).saturating_sub(before);
        let (_, peak) = process::memory_kb(pid);
        assert_is_no(&answer, code);
        assert!(cpu < Duration::from_millis(250), "{cpu:?} of CPU");
        let more = peak.saturating_sub(peak_before);
        assert!(more < 50_000, "{more} kB");
    }

    /// The same of something signed by hand that is good but for one thing.
    #[track_caller]
    fn assert_seal_refused(&self, change: impl FnOnce(&mut Seal), code: &str) {
        let (_, _, bare) = self.parts();
        let mut seal = Seal::of(&bare, &id_of(&bare), &self.key);
        assert_asks(&self.send(&placed(&bare, &seal.by(&self.key))));
        change(&mut seal);
        self.assert_refused(&placed(&bare, &seal.by(&self.key)), code);
    }
}

#[track_caller]
fn assert_is_no(answer: &Answer, code: &str) {
    let (status, body) = (answer.status, &answer.body);
    assert!(matches!(status, 400 | 403), "{status} {body}");
    assert_eq!(answer.code().as_deref(), Some(code), "{body}");
    assert!(answer.reference().is_some());
    assert_eq!(answer.field("password"), None, "no login page");
    assert_eq!(answer.field("SAMLResponse"), None, "no answer");
}

/// Somebody is asked for a password: the request was taken.
#[track_caller]
fn assert_asks(page: &Answer) {
    assert!(
        page.status == 200 && page.field("password").is_some(),
        "{} {}",
        page.status,
        page.body
    );
}

fn id_of(xml: &str) -> String {
    visits::client::between(xml, " ID=\"", "\"").expect("an ID")
}

/// A copy with another identifier, whose answer would go to the viewer.
fn evil(xml: &str) -> String {
    xml.replacen(&id_of(xml), "_evil", 1)
        .replace("/portail/saml/acs", "/magistere/saml/acs")
}

#[test]
fn a_genuine_request_by_post_is_answered_so_that_the_refusals_below_mean_something() {
    let scene = Scene::open();
    assert_asks(&scene.send(&scene.signed(&scene.request())));
}

#[test]
fn p09_a_posted_request_unsigned_changed_or_of_a_stranger_is_refused() {
    let scene = Scene::open();
    let (xml, signature, bare) = scene.parts();
    scene.assert_refused(&bare, "EDU-2201");
    let changed = xml.replace("/portail/saml/acs", "/magistere/saml/acs");
    scene.assert_refused(&changed, "EDU-2211");
    let another = scene.signed(&scene.request());
    let at = another.find("<ds:Signature ").unwrap();
    let stop = another.find("</ds:Signature>").unwrap() + "</ds:Signature>".len();
    let swapped = another.replace(&another[at..stop], &signature);
    scene.assert_refused(&swapped, "EDU-2206");
    let strangers = saml::post::compose(&scene.request(), &forge::stranger()).unwrap();
    scene.assert_refused(&strangers, "EDU-2211");
}

#[test]
fn h01_xsw1_the_signed_request_hidden_in_its_own_signature() {
    let scene = Scene::open();
    let (xml, signature, bare) = scene.parts();
    let wrapped = signature.replace("</ds:Signature>", &format!("{bare}</ds:Signature>"));
    scene.assert_refused(&evil(&xml).replace(&signature, &wrapped), "EDU-2204");
}

#[test]
fn h01_xsw2_the_signed_request_beside_the_signature() {
    let scene = Scene::open();
    let (xml, signature, bare) = scene.parts();
    let beside = format!("{bare}{signature}");
    scene.assert_refused(&evil(&xml).replace(&signature, &beside), "EDU-2206");
}

#[test]
fn h01_xsw4_a_forged_request_around_the_signed_one() {
    let scene = Scene::open();
    let (xml, _, bare) = scene.parts();
    let end = "</samlp:AuthnRequest>";
    let around = evil(&bare).replace(end, &format!("{xml}{end}"));
    scene.assert_refused(&around, "EDU-2202");
    // At the other end of it.
    scene.assert_refused(&placed(&evil(&bare), &xml), "EDU-2202");
}

#[test]
fn h01_xsw6_the_signature_of_the_one_in_the_other() {
    let scene = Scene::open();
    let (_, signature, bare) = scene.parts();
    let inside = format!("{signature}<samlp:Extensions>{bare}</samlp:Extensions>");
    scene.assert_refused(&placed(&evil(&bare), &inside), "EDU-2206");
}

#[test]
fn h01_xsw7_the_signed_request_inside_extensions() {
    let scene = Scene::open();
    let (xml, _, bare) = scene.parts();
    let extensions = format!("<samlp:Extensions xmlns:samlp=\"{SAMLP}\">{xml}</samlp:Extensions>");
    scene.assert_refused(&placed(&evil(&bare), &extensions), "EDU-2202");
}

#[test]
fn h01_xsw8_the_signed_request_inside_an_object_of_the_signature() {
    let scene = Scene::open();
    let (xml, signature, bare) = scene.parts();
    let object = format!("<ds:Object>{bare}</ds:Object></ds:Signature>");
    let wrapped = signature.replace("</ds:Signature>", &object);
    scene.assert_refused(&evil(&xml).replace(&signature, &wrapped), "EDU-2204");
}

#[test]
fn h01_two_elements_of_a_request_with_one_id_are_refused() {
    let scene = Scene::open();
    let (xml, ..) = scene.parts();
    let id = id_of(&xml);
    let twice =
        format!("<samlp:Extensions><x:y xmlns:x=\"urn:x\" ID=\"{id}\"/></samlp:Extensions>");
    scene.assert_refused(&placed(&xml, &twice), "EDU-2019");
}

/// The issuer decides whose keys count and where answers go: what is read of it is all of it.
#[test]
fn h02_an_issuer_cut_in_two_is_refused_or_read_whole() {
    let scene = Scene::open();
    let (_, _, bare) = scene.parts();
    let portal = scene.house.at("/portail");
    let longer = bare.replace(
        &portal_issuer(&portal),
        &portal_issuer(&format!("{portal}.evil")),
    );
    assert_ne!(longer, bare);
    let seal = Seal::of(&longer, &id_of(&bare), &scene.key).by(&scene.key);
    for (cut, code) in [
        // Canonical form drops comments, and joins what is marked as text: the signature stays good.
        ("<!-- -->.evil", "EDU-2017"),
        ("<![CDATA[.evil]]>", "EDU-4003"),
        ("<?x y?>.evil", "EDU-2008"),
        ("<b/>.evil", "EDU-2018"),
    ] {
        let (from, to) = (format!("{portal}.evil<"), format!("{portal}{cut}<"));
        let sent = placed(&longer.replacen(&from, &to, 1), &seal);
        assert!(sent.contains(cut), "{sent}");
        scene.assert_refused(&sent, code);
    }
    // Marked as text, the whole name is the portal's name.
    let seal = Seal::of(&bare, &id_of(&bare), &scene.key).by(&scene.key);
    let marked = portal_issuer(&portal).replace("/portail", "<![CDATA[/portail]]>");
    assert_asks(&scene.send(&placed(
        &bare.replace(&portal_issuer(&portal), &marked),
        &seal,
    )));
}

fn portal_issuer(id: &str) -> String {
    format!(">{id}</saml:Issuer>")
}

#[test]
fn h02_a_posted_request_with_a_doctype_or_entities_is_refused() {
    let scene = Scene::open();
    let (xml, ..) = scene.parts();
    let bomb = "<!DOCTYPE r [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;&a;\">]>";
    let file = "<!DOCTYPE r [<!ENTITY a SYSTEM \"file:///etc/passwd\">]>";
    for doctype in [bomb, file, "<!DOCTYPE r>"] {
        scene.assert_refused(&format!("{doctype}{xml}"), "EDU-2007");
    }
    let unknown = xml.replacen("/portail<", "/portail&a;<", 1);
    scene.assert_refused(&unknown, "EDU-2014");
}

/// A digest of nothing, under a signature that is good for it.
#[test]
fn h03_a_request_with_the_digest_of_an_empty_canonical_form_is_refused() {
    let scene = Scene::open();
    let nothing = openssl::hash::hash(MessageDigest::sha256(), b"").unwrap();
    let nothing = forge::base64_bytes(&nothing);
    scene.assert_seal_refused(|seal| seal.digest.clone_from(&nothing), "EDU-2211");
    // What makes canonicalisation fail is no form of anything.
    let (_, _, bare) = scene.parts();
    let mut seal = Seal::of(&bare, &id_of(&bare), &scene.key);
    seal.digest = nothing;
    let broken = bare.replacen(" ID=", " xmlns:x=\"relative/\" ID=", 1);
    scene.assert_refused(&placed(&broken, &seal.by(&scene.key)), "EDU-2016");
    // Nor is a signature of nothing one of `SignedInfo`.
    let empty = seal.with(|_| scene.key.sign(b"").unwrap());
    scene.assert_refused(&placed(&bare, &empty), "EDU-2211");
}

#[test]
fn h03_transforms_of_a_request_are_the_two_that_are_known() {
    let scene = Scene::open();
    for transform in [
        "<ds:Transform Algorithm=\"http://www.w3.org/TR/1999/REC-xpath-19991116\">\
         <ds:XPath>count(//. | //@*) &gt; 0</ds:XPath></ds:Transform>",
        "<ds:Transform Algorithm=\"http://www.w3.org/TR/1999/REC-xslt-19991116\"></ds:Transform>",
        "<ds:Transform Algorithm=\"http://www.w3.org/2000/09/xmldsig#base64\"></ds:Transform>",
    ] {
        scene.assert_seal_refused(|seal| seal.transforms.push_str(transform), "EDU-2207");
    }
}

#[test]
fn h03_a_reference_of_a_request_leads_nowhere_else() {
    let scene = Scene::open();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let at = format!("http://{}/x", listener.local_addr().unwrap());
    for uri in [
        at.as_str(),
        "file:///dev/zero",
        "#_other",
        "",
        "#xpointer(/)",
    ] {
        scene.assert_seal_refused(|seal| uri.clone_into(&mut seal.reference), "EDU-2206");
    }
    assert!(listener.accept().is_err(), "somebody asked");
}

/// Whose key it is, and what it is for.
#[test]
fn h07_no_other_key_signs_for_a_service() {
    let scene = Scene::open();
    let (_, _, bare) = scene.parts();
    for name in [
        "magistere",
        "idp-personnel",
        "metadata",
        "portail-encryption",
    ] {
        let other = forge::key(&scene.house, name);
        let seal = Seal::of(&bare, &id_of(&bare), &other).by(&other);
        scene.assert_refused(&placed(&bare, &seal), "EDU-2211");
    }
    // The certificate that comes along proves nothing.
    let stranger = forge::stranger();
    let mut seal = Seal::of(&bare, &id_of(&bare), &stranger);
    seal.behind = format!(
        "<ds:KeyInfo><ds:X509Data><ds:X509Certificate>{}</ds:X509Certificate></ds:X509Data></ds:KeyInfo>",
        stranger.certificate()
    );
    scene.assert_refused(&placed(&bare, &seal.by(&stranger)), "EDU-2211");
}

#[test]
fn h07_a_request_by_post_of_another_algorithm_is_refused() {
    let scene = Scene::open();
    let (_, _, bare) = scene.parts();
    let with = |algorithm: &str, sign: &dyn Fn(&[u8]) -> Vec<u8>| {
        let mut seal = Seal::of(&bare, &id_of(&bare), &scene.key);
        algorithm.clone_into(&mut seal.algorithm);
        scene.assert_refused(&placed(&bare, &seal.with(sign)), "EDU-2209");
    };
    let (sha1, hmac) = (by_sha1(&scene.house), by_hmac(&scene.key));
    with("http://www.w3.org/2000/09/xmldsig#rsa-sha1", &sha1);
    with("http://www.w3.org/2001/04/xmldsig-more#rsa-md5", &sha1);
    with("http://www.w3.org/2001/04/xmldsig-more#hmac-sha256", &hmac);
    with("http://www.w3.org/2000/09/xmldsig#hmac-sha1", &hmac);
    with("", &sha1);
    let weak = "http://www.w3.org/2000/09/xmldsig#sha1";
    scene.assert_seal_refused(|seal| weak.clone_into(&mut seal.digest_method), "EDU-2210");
}

#[test]
fn h07_a_request_by_redirect_of_another_algorithm_is_refused() {
    let scene = Scene::open();
    let to = scene.house.at("/idp/personnel/sso/redirect");
    let mut request = scene.request();
    request.destination = Some(to.clone());
    let genuine = saml::redirect::compose(&request, &to, None, &scene.key).unwrap();
    let client = scene.house.client();
    assert_asks(&client.open(&genuine));
    let octets = genuine.split_once('?').unwrap().1;
    let octets = octets.split_once("&SigAlg=").unwrap().0.to_owned();
    let escape = |text: &str| visits::client::form(&[("", text)])[1..].to_owned();
    let (sha1, hmac) = (by_sha1(&scene.house), by_hmac(&scene.key));
    for (algorithm, sign) in [
        (
            "http://www.w3.org/2000/09/xmldsig#rsa-sha1",
            &sha1 as &dyn Fn(&[u8]) -> Vec<u8>,
        ),
        ("http://www.w3.org/2001/04/xmldsig-more#rsa-md5", &sha1),
        ("http://www.w3.org/2001/04/xmldsig-more#hmac-sha256", &hmac),
        ("none", &hmac),
        ("", &hmac),
    ] {
        let signed = format!("{octets}&SigAlg={}", escape(algorithm));
        let signature = escape(&forge::base64_bytes(&sign(signed.as_bytes())));
        let refused = client.open(&format!("{to}?{signed}&Signature={signature}"));
        assert_is_no(&refused, "EDU-2209");
    }
}

/// RSA with SHA-1, by the portal's own key.
fn by_sha1(house: &House) -> impl Fn(&[u8]) -> Vec<u8> + use<> {
    let pem = std::fs::read(house.data.path().join("keys/portail.pem")).unwrap();
    let key = PKey::private_key_from_pem(&pem).unwrap();
    move |octets: &[u8]| {
        let mut signer = Signer::new(MessageDigest::sha1(), &key).unwrap();
        signer.sign_oneshot_to_vec(octets).unwrap()
    }
}

/// HMAC under what everybody knows: the certificate of the metadata.
fn by_hmac(key: &SigningKey) -> impl Fn(&[u8]) -> Vec<u8> + use<> {
    let key = PKey::hmac(key.certificate().as_bytes()).unwrap();
    move |octets: &[u8]| {
        let mut signer = Signer::new(MessageDigest::sha256(), &key).unwrap();
        signer.sign_oneshot_to_vec(octets).unwrap()
    }
}

#[test]
fn p08_an_address_that_is_put_into_a_posted_request_is_refused() {
    let scene = Scene::open();
    let with = |acs: AcsChoice| {
        let mut request = scene.request();
        if matches!(acs, AcsChoice::Index(_)) {
            request.protocol_binding = None;
        }
        request.acs = acs;
        scene.signed(&request)
    };
    for to in [
        "https://evil.example/acs".to_owned(),
        scene.house.at("/magistere/saml/acs"),
        scene.house.at("/portail/saml/acs/../acs"),
    ] {
        scene.assert_refused(&with(AcsChoice::Url(to)), "EDU-2404");
    }
    scene.assert_refused(&with(AcsChoice::Index(99)), "EDU-2405");
    // Both at once: which of them counts is not for anybody to guess.
    let (_, _, bare) = scene.parts();
    let both = bare.replacen(
        " AssertionConsumerServiceURL",
        " AssertionConsumerServiceIndex=\"0\" AssertionConsumerServiceURL",
        1,
    );
    let seal = Seal::of(&both, &id_of(&both), &scene.key).by(&scene.key);
    scene.assert_refused(&placed(&both, &seal), "EDU-2402");
}

#[test]
fn h06_fields_of_a_posted_request_given_twice_or_deflated_are_refused() {
    let scene = Scene::open();
    let good = forge::base64(&scene.signed(&scene.request()));
    let twice = [("SAMLRequest", good.as_str()), ("SAMLRequest", "AAAA")];
    assert_eq!(scene.post(&twice).status, 400);
    let states = [
        ("SAMLRequest", good.as_str()),
        ("RelayState", "a"),
        ("RelayState", "b"),
    ];
    assert_eq!(scene.post(&states).status, 400);
    let long = "x".repeat(1025);
    let stated = scene.post(&[("SAMLRequest", &good), ("RelayState", &long)]);
    assert_is_no(&stated, "EDU-2107");
    // Nothing that is posted is ever inflated.
    let bomb = forge::deflate(&vec![b' '; 64 << 20]);
    let pid = scene.house.pid();
    let before = process::cpu_time(pid);
    let refused = scene.post(&[("SAMLRequest", &bomb)]);
    assert_eq!(refused.status, 400, "{}", refused.body);
    assert!(process::cpu_time(pid).saturating_sub(before) < Duration::from_millis(250));
}
