//! What is claimed of every service provider of another make, whichever it is: each claim is a
//! test of its own for each of them (`mellon.rs`, `pysaml.rs`).

use std::io::Write;
use std::process::Stdio;

use saml::logout::{LogoutRequest, LogoutResponse, LogoutResponseExpected, Outcome};
use saml::metadata::{Entity, ReadPolicy};
use saml::names::{PASSWORD as PASSWORD_CONTEXT, REFEDS_MFA};
use saml::response::NameId;
use saml::{Binding, EntityId, NameIdFormat, Received, SigningKey};
use visits::peers::{Known, Peer, Setup, Wish, carry};
use visits::{Answer, Client, House, PASSWORD, forge};

const TRANSIENT: &str = "urn:oasis:names:tc:SAML:2.0:nameid-format:transient";
const PERSISTENT: &str = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent";
const MAIL: &str = "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress";

/// A house and one peer registered with it.
fn with<P: Peer>(setup: Setup) -> (House, P) {
    let house = House::start();
    let peer = P::registered(&house, setup);
    (house, peer)
}

pub(crate) fn values(known: &Known, name: &str) -> Vec<String> {
    known.attributes.get(name).cloned().unwrap_or_default()
}

#[track_caller]
fn asks_for_password(page: &Answer) {
    assert!(
        page.field("password").is_some(),
        "{} {}",
        page.status,
        page.body
    );
}

/// Whether the identity provider answers at once.
pub(crate) fn answers(page: &Answer) -> bool {
    page.field("SAMLResponse").is_some()
}

/// The service takes no part: an error reaches it, and it says which.
#[track_caller]
fn is_told<P: Peer>(peer: &P, client: &Client, page: &Answer, status: &str) {
    assert!(answers(page), "{} {}", page.status, page.body);
    assert!(!peer.complaints().contains(status), "{}", peer.complaints());
    let told = client.deliver(page);
    assert!(
        matches!(told.status, 401 | 403),
        "{} {}",
        told.status,
        told.body
    );
    assert!(peer.complaints().contains(status), "{}", peer.complaints());
    assert_eq!(peer.known(client), None);
}

/// Names with every character that markup, shells and headers have a use for arrive as they are.
pub(crate) fn names_arrive_whole<P: Peer>() {
    const SURNAME: &str = "Dupont & fils <O'Neil> \"é\"";
    const GIVEN: &str = "Zoé Œdipe-Çağla";
    let (house, peer) = with::<P>(Setup::default());
    let mut made = house
        .command(&["account", "add", "personnel", "zdupont", "--password-stdin"])
        .args(["--given-name", GIVEN, "--surname", SURNAME])
        .args(["--post", "enseignant_1d:9990101F:École Jules-Ferry"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    made.stdin
        .take()
        .unwrap()
        .write_all(PASSWORD.as_bytes())
        .unwrap();
    assert!(made.wait().unwrap().success());
    let known = peer.sign_on(&house.client(), "zdupont", PASSWORD);
    assert_eq!(values(&known, "sn"), [SURNAME]);
    assert_eq!(values(&known, "givenName"), [GIVEN]);
    let affiliations = values(&known, "eduPersonAffiliation");
    assert!(affiliations.len() > 1 && affiliations.contains(&"employee".to_owned()));
    assert!(!known.name_id.is_empty());
}

/// The same way in a real browser, whose rules for cookies, forms and content hold between hosts.
pub(crate) async fn a_browser_signs_on<P: Peer>() {
    let (house, peer) = with::<P>(Setup::default());
    let browser = house.browser().await;
    browser.goto(&peer.door()).await;
    browser.sign_in("cdupont", PASSWORD).await;
    browser.wait_for_text("Dupont").await;
    let page = peer.page();
    assert!(page.ends_with(&browser.path().await), "{page}");
    // From here the portal opens without a word.
    let provider = visits::client::form(&[("entityID", &house.at("/idp/personnel"))]);
    browser.goto(&format!("/portail/login?{provider}")).await;
    browser.find("[data-user=cdupont]").await;
    browser.close().await;
}

/// Whoever is signed on at one service reaches the next without a password, both ways.
pub(crate) fn one_password_opens_both<P: Peer>() {
    let (house, peer) = with::<P>(Setup::default());
    let client = house.client();
    client.arrive("personnel", "amartin");
    let page = peer.ask(&client, Wish::Plain);
    assert!(answers(&page), "{}", page.body);
    client.deliver(&page);
    assert_eq!(values(&peer.known(&client).unwrap(), "sn"), ["Martin"]);

    let other = house.client();
    peer.sign_on(&other, "bleroy", PASSWORD);
    let provider = visits::client::form(&[("entityID", &house.at("/idp/personnel"))]);
    let page = other.open(&format!("/portail/login?{provider}"));
    assert_eq!(other.deliver(&page).user().as_deref(), Some("bleroy"));

    let nobody = house.client();
    asks_for_password(&peer.ask(&nobody, Wish::Plain));
    assert_eq!(peer.known(&nobody), None);
}

/// A service whose metadata says that it signs is answered when it does, and only then.
pub(crate) fn a_signed_request_is_verified<P: Peer>() {
    let (house, peer) = with::<P>(Setup {
        signs: true,
        ..Setup::default()
    });
    let client = house.client();
    let sent = peer.begin(&client, Wish::Plain);
    let signed = sent.location().to_owned();
    assert!(
        signed.contains("&SigAlg=") && signed.contains("&Signature="),
        "{signed}"
    );
    let parts = signed.split('&');
    let kept = |part: &&str| !part.starts_with("SigAlg=") && !part.starts_with("Signature=");
    let unsigned: Vec<&str> = parts.filter(kept).collect();
    let refused = house.client().open(&unsigned.join("&"));
    assert_eq!(refused.status, 403, "{}", refused.body);
    assert!(refused.code().is_some() && refused.field("password").is_none());
    let bent = signed.replacen("&SigAlg=", "bent&SigAlg=", 1);
    assert!(matches!(house.client().open(&bent).status, 400 | 403));
    assert_eq!(
        values(&peer.sign_on(&client, "amartin", PASSWORD), "sn"),
        ["Martin"]
    );
}

/// The same by HTTP-POST, where the signature is in the document.
pub(crate) fn a_request_by_post_is_answered<P: Peer>() {
    let (house, peer) = with::<P>(Setup {
        signs: true,
        by_post: true,
        ..Setup::default()
    });
    let client = house.client();
    let sent = peer.begin(&client, Wish::Plain);
    let action = sent.action("SAMLRequest").expect("a form");
    assert_eq!(action, house.at("/idp/personnel/sso/post"));
    let request = sent.field("SAMLRequest").unwrap();
    let xml = decode(&request);
    assert!(xml.contains("SignatureValue"), "{xml}");
    let (start, end) = (
        xml.find("Signature ").unwrap(),
        xml.rfind("Signature>").unwrap(),
    );
    let start = xml[..start].rfind('<').unwrap();
    let unsigned = format!("{}{}", &xml[..start], &xml[end + "Signature>".len()..]);
    for (what, changed) in [
        ("unsigned", unsigned),
        (
            "another",
            xml.replacen("IssueInstant=\"20", "IssueInstant=\"19", 1),
        ),
    ] {
        assert_ne!(changed, xml, "{what}");
        let fields = [("SAMLRequest", visits::forge::base64(&changed))];
        let refused = house
            .client()
            .post(&action, &fields.each_ref().map(|(n, v)| (*n, v.as_str())));
        assert!(
            matches!(refused.status, 400 | 403),
            "{what}: {}",
            refused.body
        );
    }
    assert_eq!(
        values(&peer.sign_on(&client, "amartin", PASSWORD), "sn"),
        ["Martin"]
    );
}

/// When the person proved who they are, as the answer on this page says.
fn proven(page: &Answer) -> String {
    let response = page.field("SAMLResponse");
    let xml = decode(&response.unwrap_or_else(|| panic!("no answer: {}", page.body)));
    visits::client::between(&xml, "AuthnInstant=\"", "\"").expect("an instant")
}

fn decode(base64: &str) -> String {
    let bytes = base64::Engine::decode(
        &base64::engine::general_purpose::STANDARD,
        base64.split_whitespace().collect::<String>(),
    );
    String::from_utf8(bytes.unwrap()).unwrap()
}

/// `ForceAuthn`: the password is asked for again, and a passive request cannot ask.
pub(crate) fn a_forced_sign_on_asks_again<P: Peer>() {
    let (house, peer) = with::<P>(Setup::default());
    let client = house.client();
    peer.sign_on(&client, "amartin", PASSWORD);
    let standing = peer.ask(&client, Wish::Plain);
    assert!(answers(&standing), "a session stands");
    let first = proven(&standing);
    let page = peer.ask(&client, Wish::Forced);
    asks_for_password(&page);
    let wrong = client.sign_in(&page, "amartin", "wrong");
    assert!(!answers(&wrong), "the session alone is not enough");
    // Instants are written in whole seconds.
    std::thread::sleep(std::time::Duration::from_millis(1100));
    let answer = client.sign_in(&wrong, "amartin", PASSWORD);
    assert!(proven(&answer) > first, "the proof is a new one");
    client.deliver(&answer);
    assert_eq!(values(&peer.known(&client).unwrap(), "sn"), ["Martin"]);
}

/// `IsPassive`: answered for who is signed on, and for nobody else.
pub(crate) fn a_passive_request_is_refused_at_the_service<P: Peer>() {
    let (house, peer) = with::<P>(Setup::default());
    let client = house.client();
    let page = peer.ask(&client, Wish::Passive);
    assert!(
        page.field("password").is_none(),
        "nothing is asked: {}",
        page.body
    );
    is_told(&peer, &client, &page, "NoPassive");
    client.arrive("personnel", "amartin");
    let page = peer.ask(&client, Wish::Passive);
    client.deliver(&page);
    assert_eq!(values(&peer.known(&client).unwrap(), "sn"), ["Martin"]);
}

/// A persistent identifier lasts, and two services do not share it.
pub(crate) fn a_persistent_identifier_lasts_and_is_not_shared<P: Peer>() {
    let setup = Setup {
        name_id_format: Some(PERSISTENT),
        ..Setup::default()
    };
    let (house, peer) = with::<P>(setup);
    let other = P::registered(&house, setup);
    let client = house.client();
    let first = peer.sign_on(&client, "amartin", PASSWORD).name_id;
    client.deliver(&other.ask(&client, Wish::Plain));
    let elsewhere = other.known(&client).unwrap().name_id;
    let again = peer.sign_on(&house.client(), "amartin", PASSWORD).name_id;
    let somebody = peer.sign_on(&house.client(), "bleroy", PASSWORD).name_id;
    assert_eq!(first, again, "another day, another browser");
    assert_ne!(first, elsewhere, "two services cannot compare");
    assert_ne!(first, somebody);
    // 160 bits or more, in characters that no system folds.
    assert!(first.len() >= 32, "{first}");
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    assert!(first.chars().all(plain), "{first}");
}

/// A transient identifier is another one each time, and the format nobody can have is told.
pub(crate) fn a_transient_identifier_does_not_last<P: Peer>() {
    let (house, peer) = with::<P>(Setup {
        name_id_format: Some(TRANSIENT),
        ..Setup::default()
    });
    let first = peer.sign_on(&house.client(), "amartin", PASSWORD).name_id;
    let second = peer.sign_on(&house.client(), "amartin", PASSWORD).name_id;
    assert_ne!(first, second);
}

/// A format that is not given is told to the service.
pub(crate) fn a_format_that_is_not_given_is_told<P: Peer>() {
    let (house, peer) = with::<P>(Setup {
        name_id_format: Some(MAIL),
        ..Setup::default()
    });
    let client = house.client();
    let login = peer.ask(&client, Wish::Plain);
    let page = client.sign_in(&login, "amartin", PASSWORD);
    is_told(&peer, &client, &page, "InvalidNameIDPolicy");
}

/// A context we prove is answered; one the person cannot prove is told, once it is known who it is.
pub(crate) fn a_context_that_cannot_be_proven_is_told<P: Peer>() {
    let (house, peer) = with::<P>(Setup {
        context: Some(REFEDS_MFA),
        ..Setup::default()
    });
    let client = house.client();
    let login = peer.ask(&client, Wish::Plain);
    let page = client.sign_in(&login, "amartin", PASSWORD);
    is_told(&peer, &client, &page, "NoAuthnContext");
    let content = P::registered(
        &house,
        Setup {
            context: Some(PASSWORD_CONTEXT),
            ..Setup::default()
        },
    );
    let known = content.sign_on(&house.client(), "amartin", PASSWORD);
    assert_eq!(values(&known, "sn"), ["Martin"]);
}

/// A service that publishes a key to encrypt for receives its assertions encrypted, and reads them.
pub(crate) fn an_encrypted_assertion_is_read<P: Peer>() {
    let (house, peer) = with::<P>(Setup {
        decrypts: true,
        ..Setup::default()
    });
    let client = house.client();
    let login = peer.ask(&client, Wish::Plain);
    let answer = client.sign_in(&login, "amartin", PASSWORD);
    let xml = decode(&answer.field("SAMLResponse").expect("an answer"));
    assert!(xml.contains("EncryptedAssertion"), "{xml}");
    for open in ["<saml:Assertion", "<saml:Attribute", "NameID", "Martin"] {
        assert!(!xml.contains(open), "{open}: {xml}");
    }
    client.deliver(&answer);
    let known = peer
        .known(&client)
        .unwrap_or_else(|| panic!("{}", peer.complaints()));
    assert_eq!(values(&known, "sn"), ["Martin"]);
}

/// The browser brings a token, and the service comes for the answer by itself; once.
pub(crate) fn an_answer_by_artifact_is_resolved<P: Peer>() {
    let (house, peer) = with::<P>(Setup {
        artifact: true,
        decrypts: true,
        ..Setup::default()
    });
    let client = house.client();
    let login = peer.ask(&client, Wish::Plain);
    let page = client.sign_in(&login, "amartin", PASSWORD);
    assert!(!answers(&page), "by POST: {}", page.body);
    let known = peer.known(&client);
    let known = known.unwrap_or_else(|| panic!("{}", peer.complaints()));
    assert_eq!(values(&known, "sn"), ["Martin"]);
    // With a session at once, and a refusal goes the same way.
    let again = house.client();
    again.arrive("personnel", "bleroy");
    peer.ask(&again, Wish::Plain);
    let known = peer
        .known(&again)
        .unwrap_or_else(|| panic!("{}", peer.complaints()));
    assert_eq!(values(&known, "sn"), ["Leroy"]);
    let nobody = house.client();
    let told = peer.ask(&nobody, Wish::Passive);
    assert!(told.status >= 400, "{}", told.body);
    assert_eq!(peer.known(&nobody), None);
    let lines = house.journal();
    let asked = lines
        .iter()
        .filter(|line| line["event"] == "idp.artifact.asked");
    let results: Vec<_> = asked.map(|line| line["result"].clone()).collect();
    assert_eq!(results, ["resolved"; 3]);
    let sent = lines
        .iter()
        .filter(|line| line["event"] == "idp.response.sent");
    let to_peer = sent.filter(|line| line["sp"] == peer.entity_id());
    assert!(
        to_peer.clone().count() == 3 && to_peer.clone().all(|line| line["binding"] == "artifact")
    );
}

/// An enhanced client, of a third make, carries the service's request here, and the service takes
/// what comes back.
pub(crate) fn an_enhanced_client_signs_on<P: Peer>() {
    const PAOS: &str =
        "ver=\"urn:liberty:paos:2003-08\";\"urn:oasis:names:tc:SAML:2.0:profiles:SSO:ecp\"";
    const KIND: &str = "application/vnd.paos+xml";
    let (house, peer) = with::<P>(Setup {
        paos: true,
        decrypts: true,
        ..Setup::default()
    });
    let client = house.client();
    let accept = format!("text/html, {KIND}");
    let headers = [("accept", accept.as_str()), ("paos", PAOS)];
    let asked = client.get_with(&peer.page(), &headers);
    assert_eq!(asked.status, 200, "{}\n{}", asked.body, peer.complaints());
    let between = visits::client::between;
    let to = between(&asked.body, "responseConsumerURL=\"", "\"").expect("an address");

    let wrong = carry(&house, &asked.body, "amartin", "wrong").unwrap_err();
    assert!(wrong.contains("(401)"), "{wrong}");
    // Its service's address is another than the one that is answered: the client gives nothing away.
    let elsewhere = asked.body.replacen(&to, "http://127.0.0.1:9/paos", 1);
    assert!(carry(&house, &elsewhere, "amartin", PASSWORD).is_err());

    let answer = carry(&house, &asked.body, "amartin", PASSWORD).unwrap();
    let address = format!("AssertionConsumerServiceURL=\"{to}\"");
    assert!(answer.contains(&address), "{answer}");
    assert!(answer.contains("EncryptedAssertion") && answer.contains("GeneratedKey"));
    // What was for the client goes no further; what the service wants back goes with it.
    let state = asked
        .body
        .find("RelayState")
        .and_then(|at| between(&asked.body[at..], ">", "<"));
    let header = between(&answer, "<soap:Header>", "</soap:Header>").expect("a header");
    let back = format!(
        "<ecp:RelayState xmlns:ecp=\"urn:oasis:names:tc:SAML:2.0:profiles:SSO:ecp\" \
         soap:actor=\"http://schemas.xmlsoap.org/soap/actor/next\" soap:mustUnderstand=\"1\">{}\
         </ecp:RelayState>",
        state.unwrap_or_default()
    );
    let delivered = answer.replacen(&header, &back, 1);
    let taken = client.post_raw(&to, KIND, delivered.as_bytes());
    assert!(taken.status < 400, "{}\n{}", taken.body, peer.complaints());
    let known = peer.known(&client);
    let known = known.unwrap_or_else(|| panic!("{} {}", taken.body, peer.complaints()));
    assert_eq!(values(&known, "sn"), ["Martin"]);
}

/// A sign-on that begins at the identity provider: only where it is allowed, only to that service.
pub(crate) fn an_answer_nobody_asked_for_is_taken<P: Peer>() {
    let (house, peer) = with::<P>(Setup {
        unsolicited: true,
        ..Setup::default()
    });
    let (id, page) = (peer.entity_id(), peer.page());
    let elsewhere = page.replacen("127.0.0.1", "127.0.0.1.elsewhere.example", 1);
    let inside = page.replacen("127.0.0.1", "127.0.0.1@elsewhere.example", 1);
    let portal = house.at("/portail");
    for (what, fields, status, code) in [
        (
            "not allowed",
            vec![("providerId", portal.as_str())],
            403,
            Some("EDU-4006"),
        ),
        (
            "unknown",
            vec![("providerId", "https://nobody.example/sp")],
            403,
            Some("EDU-4003"),
        ),
        (
            "no address",
            vec![("providerId", id.as_str()), ("shire", &page)],
            403,
            None,
        ),
        (
            "another host",
            vec![("providerId", id.as_str()), ("target", &elsewhere)],
            403,
            Some("EDU-4006"),
        ),
        (
            "a host in disguise",
            vec![("providerId", id.as_str()), ("target", &inside)],
            403,
            Some("EDU-4006"),
        ),
        (
            "script",
            vec![
                ("providerId", id.as_str()),
                ("target", "javascript:alert(1)"),
            ],
            403,
            Some("EDU-4006"),
        ),
        ("nobody", vec![("target", page.as_str())], 400, None),
        (
            "twice",
            vec![("providerId", id.as_str()), ("providerId", &id)],
            400,
            None,
        ),
    ] {
        let refused = house.client().get(&unsolicited(&fields));
        assert_eq!(refused.status, status, "{what}: {}", refused.body);
        let given = refused.code();
        assert!(
            given.is_some() && (code.is_none() || given.as_deref() == code),
            "{what}: {given:?}"
        );
    }
    let client = house.client();
    let login = client.open(&unsolicited(&[("providerId", &id), ("target", &page)]));
    let answer = client.sign_in(&login, "amartin", PASSWORD);
    assert_eq!(answer.field("RelayState").as_deref(), Some(page.as_str()));
    assert!(!decode(&answer.field("SAMLResponse").unwrap()).contains("InResponseTo"));
    client.deliver(&answer);
    let known = peer
        .known(&client)
        .unwrap_or_else(|| panic!("{}", peer.complaints()));
    assert_eq!(values(&known, "sn"), ["Martin"]);
}

fn unsolicited(fields: &[(&str, &str)]) -> String {
    let query = visits::client::form(fields);
    format!("/idp/personnel/sso/unsolicited?{query}")
}

/// What the peer publishes, as we read it.
fn published<P: Peer>(house: &House, peer: &P) -> Entity {
    let policy = ReadPolicy {
        pinned: &[],
        now: forge::now(),
        horizon_days: None,
        loopback_http: true,
    };
    let text = house.client().get(&peer.entity_id()).body;
    saml::metadata::read(&text, &policy)
        .unwrap()
        .entities
        .remove(0)
}

/// Told by SOAP, it ends the session of the person it is told of, by us, and says so.
pub(crate) fn a_logout_by_soap_is_understood<P: Peer>() {
    let (house, peer) = with::<P>(Setup::default());
    let client = house.client();
    let login = peer.ask(&client, Wish::Plain);
    let answer = client.sign_in(&login, "amartin", PASSWORD);
    client.deliver(&answer);
    let known = peer.known(&client).expect("signed on");
    let xml = decode(&answer.field("SAMLResponse").expect("an answer"));
    let role = published(&house, &peer).sp.unwrap();
    let soap = role.slo.iter().find(|slo| slo.binding == Binding::Soap);
    let to = soap.expect("an address").location.clone();
    let us = EntityId::parse(&house.at("/idp/personnel")).unwrap();
    let request = LogoutRequest {
        id: forge::random_id(),
        issue_instant: forge::now(),
        issuer: us.clone(),
        destination: Some(to.clone()),
        not_on_or_after: Some(forge::now() + chrono::Duration::minutes(5)),
        reason: None,
        name_id: NameId {
            value: known.name_id,
            format: NameIdFormat::Transient,
            name_qualifier: Some(us.as_str().to_owned()),
            sp_name_qualifier: Some(peer.entity_id()),
        },
        session_indexes: visits::client::between(&xml, "SessionIndex=\"", "\"")
            .into_iter()
            .collect(),
        asynchronous: false,
    };
    let tell = |key: &SigningKey| {
        let envelope = saml::soap::compose(&request, key).unwrap();
        let kind = saml::soap::CONTENT_TYPE;
        house.client().post_raw(&to, kind, envelope.as_bytes())
    };
    tell(&forge::stranger());
    assert!(peer.known(&client).is_some(), "a stranger ends nothing");
    let told = tell(&forge::key(&house, "idp-personnel"));
    assert_eq!(told.status, 200, "{} {}", told.body, peer.complaints());
    assert_eq!(peer.known(&client), None);
    let expected = LogoutResponseExpected {
        issuer: &EntityId::parse(&peer.entity_id()).unwrap(),
        in_response_to: &request.id,
        destination: "",
        binding: Binding::Soap,
        now: forge::now(),
    };
    let said = Received::<LogoutResponse>::by_soap(told.body.as_bytes())
        .and_then(|said| said.verify(&role.signing_keys))
        .and_then(|said| said.accept(&expected))
        .unwrap_or_else(|why| panic!("{why}: {}", told.body));
    assert_eq!(said.into_message().outcome(), Outcome::Done);
}

/// Where people end their own session.
pub(crate) const LOGOUT: &str = "/idp/personnel/logout";

/// Signs on at the portal and at these peers, in one browser.
fn in_all<P: Peer>(house: &House, peers: &[&P]) -> Client {
    let client = house.client();
    client.arrive("personnel", "amartin");
    for peer in peers {
        client.deliver(&peer.ask(&client, Wish::Plain));
        assert!(peer.known(&client).is_some(), "{}", peer.complaints());
    }
    assert_eq!(client.get("/portail/").user().as_deref(), Some("amartin"));
    client
}

/// What the page of a logout says of each service.
pub(crate) fn states(page: &Answer) -> Vec<String> {
    let parts = page.body.split("data-state=\"").skip(1);
    let states = parts.filter_map(|part| part.split('"').next());
    states.map(str::to_owned).collect()
}

/// Where the page of a logout goes on.
fn goes_on(page: &Answer) -> Option<String> {
    let body = visits::client::unescape(&page.body);
    let rest = visits::client::between(&body, &format!("href=\"{LOGOUT}/next"), "\"")?;
    Some(format!("{LOGOUT}/next{rest}"))
}

/// The person's own button at the identity provider.
pub(crate) fn press(client: &Client) -> Answer {
    let csrf = client.get(LOGOUT).field("csrf").expect("a session");
    client.follow(client.post(LOGOUT, &[("csrf", &csrf)]))
}

/// Logged out at the service: the identity provider and every other service are told, and the
/// service is answered.
pub(crate) fn a_logout_begun_at_the_service_ends_everything<P: Peer>() {
    let (house, peer) = with::<P>(Setup::default());
    let client = in_all(&house, &[&peer]);
    let sent = peer.log_out(&client);
    assert!(sent.location().contains("/idp/personnel/slo/redirect?"));
    let answered = client.get(sent.location());
    let to = answered.location();
    assert!(
        to.contains("SAMLResponse=") && !to.starts_with(&house.url()),
        "{to}"
    );
    let taken = client.get(to);
    assert!(
        matches!(taken.status, 200 | 302 | 303),
        "{} {}",
        taken.body,
        peer.complaints()
    );
    assert_eq!(peer.known(&client), None);
    assert_eq!(client.get("/portail/").user(), None);
    assert!(client.get(LOGOUT).field("csrf").is_none());
    asks_for_password(&peer.ask(&client, Wish::Plain));
}

/// The same by HTTP-POST, both ways.
pub(crate) fn a_logout_by_post_is_answered_by_post<P: Peer>() {
    let (house, peer) = with::<P>(Setup {
        signs: true,
        by_post: true,
        ..Setup::default()
    });
    let client = in_all(&house, &[&peer]);
    let sent = peer.log_out(&client);
    let action = sent.action("SAMLRequest").expect("a form");
    assert_eq!(action, house.at("/idp/personnel/slo/post"));
    let request = sent.field("SAMLRequest").unwrap();
    let state = sent.field("RelayState").unwrap_or_default();
    // It comes from another site, without a cookie of ours.
    let fields = [("SAMLRequest", request.as_str()), ("RelayState", &state)];
    let answered = house.client().post(&action, &fields);
    assert!(answers(&answered), "{}", answered.body);
    assert!(client.get(LOGOUT).field("csrf").is_none());
    let taken = client.deliver(&answered);
    assert_eq!(taken.status, 200, "{} {}", taken.body, peer.complaints());
    assert_eq!(peer.known(&client), None);
    assert_eq!(client.get("/portail/").user(), None);
}

/// Logged out at the identity provider, with two services of this make and one of ours signed in.
pub(crate) fn a_logout_begun_by_us_ends_it_at_the_service<P: Peer>() {
    let (house, peer) = with::<P>(Setup::default());
    let other = P::registered(&house, Setup::default());
    let client = in_all(&house, &[&peer, &other]);
    let mut page = press(&client);
    assert_eq!(states(&page).len(), 3, "{}", page.body);
    if let Some(on) = goes_on(&page) {
        page = client.open(&on);
    }
    assert_eq!(
        states(&page),
        ["done"; 3],
        "{} {}",
        page.body,
        peer.complaints()
    );
    assert_eq!((peer.known(&client), other.known(&client)), (None, None));
    assert_eq!(client.get("/portail/").user(), None);
}

/// The same with one of them broken: it fails, and no other does.
pub(crate) fn a_broken_service_stops_no_other<P: Peer>() {
    let (house, mut peer) = with::<P>(Setup::default());
    let other = P::registered(&house, Setup::default());
    let client = in_all(&house, &[&peer, &other]);
    let broken = peer.page();
    peer.stop();
    let page = press(&client);
    assert!(
        client.get(LOGOUT).field("csrf").is_none(),
        "our own ended first"
    );
    assert_eq!(states(&page).len(), 3, "{}", page.body);
    let end = end_of_logout(&client, &page, &[&broken]);
    let mut said = states(&end);
    said.sort();
    assert_eq!(said, ["done", "done", "failed"], "{}", end.body);
    assert_eq!(goes_on(&end), None);
    assert_eq!(other.known(&client), None);
    assert_eq!(client.get("/portail/").user(), None);
}

/// Goes on from the page of a logout until it has nowhere to go; services at `broken` pages do not answer.
pub(crate) fn end_of_logout(client: &Client, page: &Answer, broken: &[&str]) -> Answer {
    let hosts = broken.iter();
    let hosts: Vec<String> = hosts
        .map(|page| page.split_inclusive('/').take(3).collect())
        .collect();
    for _ in 0..3 {
        let Some(on) = goes_on(&client.get(&page.url)) else {
            break;
        };
        let sent = client.get(&on);
        // The visitor sees that nothing answers there, and comes back to the page.
        if !hosts.iter().any(|host| sent.location().starts_with(host)) {
            client.follow(sent);
        }
    }
    client.get(&page.url)
}
