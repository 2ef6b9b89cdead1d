//! What a service and the operator agree on: which keys prove the service, what is signed for it and
//! how, what is encrypted and how; and what the operator forbids to everybody.

use saml::encryption::DecryptionKey;
use saml::response::{Login, Response, ResponseExpected, SignWhat};
use saml::{AuthnRequest, EntityId, KeyKind, Received, Rules, SigningKey};
use visits::{Answer, House, PASSWORD, forge, partner};

const ACS: &str = "https://sp.partner.example/acs";
const ALG: &str = "urn:oasis:names:tc:SAML:metadata:algsupport";
const MORE: &str = "http://www.w3.org/2001/04/xmldsig-more#";

fn key(kind: KeyKind) -> SigningKey {
    let pair = saml::keys::generate(kind, "partner", [5; 16], forge::now(), 30).unwrap();
    SigningKey::from_pem(&pair.key_pem, &pair.cert_pem).unwrap()
}

fn id(name: &str) -> String {
    format!("https://{name}.partner.example/sp")
}

/// A key in metadata; `used` is its attribute, `methods` what is said of how it encrypts.
fn descriptor(key: &SigningKey, used: &str, methods: &[&str]) -> String {
    let methods = methods.iter();
    let methods: String = methods
        .map(|uri| format!("<md:EncryptionMethod Algorithm=\"{uri}\"/>"))
        .collect();
    format!(
        "<md:KeyDescriptor{used}><ds:KeyInfo><ds:X509Data><ds:X509Certificate>{}</ds:X509Certificate>\
         </ds:X509Data></ds:KeyInfo>{methods}</md:KeyDescriptor>",
        key.certificate()
    )
}

const SIGNING: &str = " use=\"signing\"";
const ENCRYPTION: &str = " use=\"encryption\"";

/// Of a role that wants every assertion signed.
const WANTS: &str = " WantAssertionsSigned=\"true\"";

/// Registers a service: what its role and its entity say, and what is decided for it.
fn register(house: &House, name: &str, (extensions, keys): (&str, &str), decided: &[&str]) {
    let wants = if name.starts_with("wants") { WANTS } else { "" };
    let text = format!(
        "<md:EntityDescriptor xmlns:md=\"urn:oasis:names:tc:SAML:2.0:metadata\" \
         xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\" xmlns:alg=\"{ALG}\" entityID=\"{}\">\
         <md:Extensions>{extensions}</md:Extensions><md:SPSSODescriptor{wants} \
         protocolSupportEnumeration=\"urn:oasis:names:tc:SAML:2.0:protocol\">{keys}\
         <md:AssertionConsumerService index=\"0\" Location=\"{ACS}\" \
         Binding=\"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST\"/>\
         </md:SPSSODescriptor></md:EntityDescriptor>",
        id(name)
    );
    partner::add(house, &text, decided);
}

fn request(house: &House, name: &str) -> AuthnRequest {
    let id = EntityId::parse(&id(name)).unwrap();
    let mut request = AuthnRequest::new(forge::random_id(), forge::now(), id);
    request.destination = Some(house.at("/idp/personnel/sso/redirect"));
    request
}

/// What comes after the password, to an unsigned request.
fn answered(house: &House, request: &AuthnRequest) -> Answer {
    let client = house.client();
    let page = client.open(&partner::unsigned(house, request));
    client.sign_in(&page, "amartin", PASSWORD)
}

fn xml(answer: &Answer) -> String {
    let field = answer.field("SAMLResponse");
    partner::decoded(&field.unwrap_or_else(|| panic!("no answer: {}", answer.body)))
}

/// What the service reads, with its key to decrypt.
fn read(house: &House, request: &AuthnRequest, answer: &Answer, own: Option<&SigningKey>) -> Login {
    let issuer = EntityId::parse(&house.at("/idp/personnel")).unwrap();
    let expected = ResponseExpected {
        issuer: &issuer,
        audience: &request.issuer,
        acs: ACS,
        in_response_to: Some(&request.id),
        now: forge::now(),
    };
    let own: Vec<_> = own
        .map(|key| DecryptionKey::of(key).unwrap())
        .into_iter()
        .collect();
    let keys = [forge::key(house, "idp-personnel").verifying()];
    Received::<Response>::from_form(&answer.field("SAMLResponse").unwrap())
        .and_then(|received| received.verify_and_open(&keys, &own))
        .and_then(|verified| verified.accept(&expected))
        .unwrap_or_else(|why| panic!("{why}: {}", xml(answer)))
        .into_message()
}

#[track_caller]
fn assert_refused(answer: &Answer, code: &str) {
    assert_eq!(answer.status, 403, "{}", answer.body);
    assert_eq!(answer.code().as_deref(), Some(code));
    assert!(answer.reference().is_some() && answer.field("SAMLResponse").is_none());
}

#[test]
fn m11_p05_a_service_is_signed_for_as_it_says_and_as_was_decided() {
    let house = House::start();
    let says = |methods: &[&str], digests: &[&str]| {
        let element = |name: &str, uri: &&str| format!("<alg:{name} Algorithm=\"{uri}\"/>");
        let digests = digests.iter().map(|uri| element("DigestMethod", uri));
        let methods = methods.iter().map(|uri| element("SigningMethod", uri));
        digests.chain(methods).collect::<String>()
    };
    let [sha512, sha256, curve] =
        ["rsa-sha512", "rsa-sha256", "ecdsa-sha256"].map(|name| format!("{MORE}{name}"));
    let sha384 = format!("{MORE}sha384");
    let sha1 = "http://www.w3.org/2000/09/xmldsig#rsa-sha1";
    let big = format!("<alg:SigningMethod Algorithm=\"{sha256}\" MinKeySize=\"4096\"/>");
    for (name, extensions, sign) in [
        (
            "modern",
            says(&["urn:new", &curve, &sha512, &sha256], &[&sha384]),
            "both",
        ),
        ("curves", says(&[&curve], &[]), "both"),
        ("old", says(&[sha1], &[]), "both"),
        ("big", big, "both"),
        ("response", String::new(), "response"),
        ("assertion", String::new(), "assertion"),
        // IIP-SSO06: what its metadata wants is not decided away.
        ("wants-response", String::new(), "response"),
        ("wants-assertion", String::new(), "assertion"),
        ("both", String::new(), "both"),
    ] {
        register(&house, name, (&extensions, ""), &["--sign", sign]);
    }
    partner::wait_until_known(&house, &id("both"));

    let asked = request(&house, "modern");
    let answer = answered(&house, &asked);
    let text = xml(&answer);
    let count = |what: &str| text.matches(&format!("Algorithm=\"{what}\"")).count();
    assert_eq!(
        (count(&sha512), count(&sha384), count(&sha256)),
        (2, 2, 0),
        "{text}"
    );
    assert_eq!(read(&house, &asked, &answer, None).signed, SignWhat::Both);
    // Who says that they verify nothing we make is sent nothing, be it yes or no.
    for name in ["curves", "old", "big"] {
        assert_refused(&answered(&house, &request(&house, name)), "EDU-4011");
        let mut passive = request(&house, name);
        passive.is_passive = true;
        let told = house.client().open(&partner::unsigned(&house, &passive));
        assert_refused(&told, "EDU-4011");
    }
    for (name, what) in [
        ("response", SignWhat::Response),
        ("assertion", SignWhat::Assertion),
        ("wants-response", SignWhat::Both),
        ("wants-assertion", SignWhat::Assertion),
        ("both", SignWhat::Both),
    ] {
        let asked = request(&house, name);
        let answer = answered(&house, &asked);
        assert_eq!(read(&house, &asked, &answer, None).signed, what);
        let signatures = xml(&answer).matches("<ds:Signature ").count();
        assert_eq!(signatures, if what == SignWhat::Both { 2 } else { 1 });
        // A refusal is signed whatever was decided: nothing else proves who says it.
        let mut passive = request(&house, name);
        passive.is_passive = true;
        let told = house.client().open(&partner::unsigned(&house, &passive));
        assert_eq!(xml(&told).matches("<ds:Signature ").count(), 1, "{name}");
    }
}

#[test]
fn m10_p07_keys_are_tried_in_turn_and_weak_encryption_is_named_or_not_used() {
    let house = House::start();
    let [rsa, other, stranger] = [0; 3].map(|_| key(KeyKind::Rsa2048));
    let curve = key(KeyKind::P256);
    let cbc = "http://www.w3.org/2001/04/xmlenc#aes128-cbc";
    let pkcs1 = "http://www.w3.org/2001/04/xmlenc#rsa-1_5";
    let gcm = "http://www.w3.org/2009/xmlenc11#aes128-gcm";
    let oaep = "http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p";
    let several: String = [&rsa, &curve, &other]
        .map(|key| descriptor(key, SIGNING, &[]))
        .concat();
    let weak = descriptor(&rsa, ENCRYPTION, &[cbc, pkcs1]);
    let unused = descriptor(&curve, "", &[]);
    let second = [
        descriptor(&curve, ENCRYPTION, &[]),
        descriptor(&other, ENCRYPTION, &[cbc]),
        descriptor(&rsa, ENCRYPTION, &[gcm, oaep]),
    ]
    .concat();
    let named = ["--weak-encryption", "cbc", "--weak-encryption", "pkcs1"];
    for (name, keys, decided) in [
        ("several", &several, &[][..]),
        ("weak", &weak, &[]),
        ("half", &weak, &named[..2]),
        ("named", &weak, &named),
        ("better", &second, &named),
        ("second", &second, &[]),
        ("curve", &unused, &[]),
    ] {
        register(&house, name, ("", keys), decided);
    }
    partner::wait_until_known(&house, &id("curve"));

    // M10: whichever of its keys signs proves the service, and no other does.
    let to = house.at("/idp/personnel/sso/redirect");
    let signed = |key: &SigningKey| {
        let asked = request(&house, "several");
        let address = saml::redirect::compose(&asked, &to, None, key).unwrap();
        house.client().open(&address)
    };
    for key in [&rsa, &curve, &other] {
        let page = signed(key);
        assert!(page.field("password").is_some(), "{}", page.body);
    }
    assert_refused(&signed(&stranger), "EDU-2211");

    // P07: what is weak is used where it is named, in both parts.
    for name in ["weak", "half"] {
        assert_refused(&answered(&house, &request(&house, name)), "EDU-4005");
    }
    let text = xml(&answered(&house, &request(&house, "named")));
    assert!(text.contains(cbc) && text.contains(pkcs1) && !text.contains("<saml:Assertion"));
    // Not where something better is declared, and of several keys the first that can be used.
    for name in ["better", "second"] {
        let asked = request(&house, name);
        let answer = answered(&house, &asked);
        let text = xml(&answer);
        assert!(
            name == "better" || (text.contains(gcm) && text.contains(oaep)),
            "{text}"
        );
        let opener = if name == "better" { None } else { Some(&rsa) };
        if let Some(opener) = opener {
            assert!(read(&house, &asked, &answer, Some(opener)).encrypted);
        }
    }
    // A key on a curve that nobody calls one to encrypt for is none.
    let asked = request(&house, "curve");
    let answer = answered(&house, &asked);
    assert!(!read(&house, &asked, &answer, None).encrypted);

    let checked = house.run(&["check", "--json"]);
    let said = String::from_utf8_lossy(&checked.stdout).into_owned();
    assert!(checked.status.success(), "{said}");
    assert_eq!(said.matches("weak_encryption betrays").count(), 3, "{said}");
    let lines = house.journal();
    let sent = lines
        .iter()
        .filter(|line| line["event"] == "idp.response.sent");
    let weakly = sent.filter(|line| line["encrypted"] == "weakly");
    assert!(weakly.count() >= 1);
}

#[test]
fn h07_what_the_operator_forbids_is_neither_taken_nor_used_and_clocks_are_held_to_their_word() {
    let gcm = "http://www.w3.org/2009/xmlenc11#aes256-gcm";
    let sha384 = format!("{MORE}rsa-sha384");
    let house = House::with(&[
        (
            "EDULINE__SAML__FORBIDDEN_ALGORITHMS",
            &format!("{gcm},{sha384}"),
        ),
        ("EDULINE__SAML__CLOCK_SKEW_S", "0"),
    ]);
    let rsa = key(KeyKind::Rsa2048);
    let keys = [
        descriptor(&rsa, SIGNING, &[]),
        descriptor(&rsa, ENCRYPTION, &[]),
    ]
    .concat();
    register(&house, "plain", ("", &keys), &[]);
    let only = descriptor(&rsa, ENCRYPTION, &[gcm]);
    register(&house, "only", ("", &only), &[]);
    let method = format!("<alg:SigningMethod Algorithm=\"{sha384}\"/>");
    register(&house, "signs", (&method, ""), &[]);
    partner::wait_until_known(&house, &id("signs"));

    let to = house.at("/idp/personnel/sso/redirect");
    let sent = |seconds: i64, key: &SigningKey| {
        let mut asked = request(&house, "plain");
        asked.issue_instant += chrono::Duration::seconds(seconds);
        let address = saml::redirect::compose(&asked, &to, None, key).unwrap();
        house.client().open(&address)
    };
    let rules = Rules::default()
        .without(&format!("{MORE}rsa-sha256"))
        .unwrap();
    let other = rules.signer(&rsa).unwrap().into_owned();
    assert_eq!(other.algorithm().uri(), sha384);
    assert_refused(&sent(0, &other), "EDU-2214");
    assert!(sent(0, &rsa).field("password").is_some());
    // Two minutes on the way are everybody's.
    assert!(sent(-60, &rsa).field("password").is_some());
    assert_refused(&sent(-200, &rsa), "EDU-2311");
    assert_refused(&sent(200, &rsa), "EDU-2310");

    let asked = request(&house, "plain");
    let answer = answered(&house, &asked);
    assert!(xml(&answer).contains("xmlenc11#aes128-gcm"));
    assert!(read(&house, &asked, &answer, Some(&rsa)).encrypted);
    assert_refused(&answered(&house, &request(&house, "only")), "EDU-4005");
    assert_refused(&answered(&house, &request(&house, "signs")), "EDU-4011");
    // The house still believes itself: its own messages are made by what is left.
    let client = house.client();
    assert_eq!(
        client.arrive("personnel", "amartin").user().as_deref(),
        Some("amartin")
    );

    // A rule that leaves a decision or a key without effect is a fault.
    partner::add(&house, &weakly_decided(), &["--weak-encryption", "pkcs1"]);
    let all = saml::keys::Algorithm::ALL
        .map(saml::keys::Algorithm::uri)
        .join(",");
    let forbidden = format!("{all},http://www.w3.org/2001/04/xmlenc#rsa-1_5");
    let mut check = house.command(&["check"]);
    check.env("EDULINE__SAML__FORBIDDEN_ALGORITHMS", forbidden);
    let said = check.output().unwrap();
    let told = String::from_utf8_lossy(&said.stderr).into_owned();
    assert_eq!(said.status.code(), Some(1), "{told}");
    assert!(
        told.contains("rsa-1_5, which saml.forbidden_algorithms forbids"),
        "{told}"
    );
    assert!(told.contains("the key idp-personnel cannot sign"), "{told}");
}

fn weakly_decided() -> String {
    format!(
        "<md:EntityDescriptor xmlns:md=\"urn:oasis:names:tc:SAML:2.0:metadata\" entityID=\"{}\">\
         <md:SPSSODescriptor protocolSupportEnumeration=\"urn:oasis:names:tc:SAML:2.0:protocol\">\
         <md:AssertionConsumerService index=\"0\" Location=\"{ACS}\" \
         Binding=\"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST\"/></md:SPSSODescriptor>\
         </md:EntityDescriptor>",
        id("weakly")
    )
}
