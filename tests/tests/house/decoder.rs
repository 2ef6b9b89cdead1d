//! The decoder: what is pasted, readable, with every rule it obeys or breaks (X04).

use std::io::Write;
use std::process::Stdio;

use serde_json::Value;
use visits::browser::Kind;
use visits::client::{form, unescape};
use visits::{Answer, Browser, Client, House, PASSWORD, Partner, forge};

const PAGE: &str = "/outils/decodeur";

/// Pastes `text` into the page.
fn paste(client: &Client, text: &str) -> Answer {
    let csrf = client.get(PAGE).field("csrf").expect("a form");
    client.post(PAGE, &[("csrf", &csrf), ("message", text)])
}

/// What the command says of `text`, and its exit code.
fn decoded(house: &House, text: &str) -> (Option<i32>, Value) {
    let mut command = house.command(&["saml", "decode", "--json"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut running = command.spawn().expect("the binary runs");
    let mut input = running.stdin.take().unwrap();
    input.write_all(text.as_bytes()).unwrap();
    drop(input);
    let output = running.wait_with_output().unwrap();
    let told = serde_json::from_slice(&output.stdout).unwrap_or(Value::Null);
    (output.status.code(), told)
}

/// What came of one rule, and the code of why.
fn verdict(told: &Value, name: &str) -> (String, String) {
    let mut rules = told["checks"].as_array().into_iter().flatten();
    let rule = rules.find(|rule| rule["name"] == name);
    let rule = rule.unwrap_or_else(|| panic!("no {name}: {told}"));
    let text = |key: &str| rule[key].as_str().unwrap_or_default().to_owned();
    (text("verdict"), text("code"))
}

#[test]
fn x04_what_is_pasted_is_shown_with_every_rule() {
    let house = House::start();
    let partner = Partner::new("pasted.example").asking("mail", true);
    partner.register(&house, &[]);
    let client = house.client();
    let request = partner.request(&house);
    let address = partner.address(&house, &request);
    let login = client.open(&address);
    let page = client.sign_in(&login, "amartin", PASSWORD);
    let response = page.field("SAMLResponse").expect("an answer");
    let metadata = house.client().get("/magistere/saml/metadata").body;

    let visitor = house.client();
    let seen = paste(&visitor, &address);
    assert_eq!((seen.status, seen.code()), (200, None), "{}", seen.body);
    let body = unescape(&seen.body);
    for said in [
        "Demande de connexion (AuthnRequest)",
        "adresse ou formulaire",
        "Signature vérifiée avec une clé des métadonnées",
        "XML Signature 3.2",
        request.id.as_str(),
        partner.key.verifying().fingerprint(),
        partner.acs.as_str(),
        "</saml:Issuer>",
    ] {
        assert!(body.contains(said), "{said}: {body}");
    }
    assert!(!body.contains("class=\"fails\""), "{body}");
    let english = visitor.get(&format!("{PAGE}?lang=en"));
    assert!(english.body.contains("SAML decoder"));

    // The command says the same, rule by rule.
    let (code, told) = decoded(&house, &address);
    assert_eq!(
        (code, &told["kind"]),
        (Some(0), &Value::from("AuthnRequest"))
    );
    assert_eq!(verdict(&told, "signature").0, "holds");
    assert_eq!(verdict(&told, "acs").0, "holds");
    let changed = address.replace("&SigAlg", "&RelayState=other&SigAlg");
    let (code, told) = decoded(&house, &changed);
    let wrong = ("fails".to_owned(), "EDU-2211".to_owned());
    assert_eq!(
        (code, verdict(&told, "signature")),
        (Some(1), wrong.clone())
    );

    let (code, told) = decoded(&house, &response);
    assert_eq!(
        (code, &told["kind"]),
        (Some(0), &Value::from("Response")),
        "{told}"
    );
    for rule in [
        "signature",
        "status",
        "bearer",
        "dates",
        "audience",
        "acs",
        "authn",
    ] {
        assert_eq!(verdict(&told, rule).0, "holds", "{rule}: {told}");
    }
    let xml = visits::partner::decoded(&response);
    let (_, told) = decoded(&house, &xml.replace("anne.martin", "bruno.martin"));
    assert_eq!(verdict(&told, "signature"), wrong);
    // What a stranger signed in the name of ours, sent to a place that its audience does not have.
    let mut forged = forge::attempt(&house, &house.client());
    forged.acs = "https://evil.example/acs".to_owned();
    let (code, told) = decoded(&house, &forged.compose(&forge::stranger()));
    assert_eq!((code, verdict(&told, "signature")), (Some(1), wrong));
    assert_eq!(verdict(&told, "acs").1, "EDU-2404");
    // What was good an hour ago is told apart from what was never good.
    forged.acs = house.at("/portail/saml/acs");
    forged.now = forge::now() - chrono::Duration::hours(1);
    let (code, told) = decoded(
        &house,
        &forged.compose(&forge::key(&house, "idp-personnel")),
    );
    assert_eq!(
        (code, verdict(&told, "dates").0.as_str()),
        (Some(0), "past"),
        "{told}"
    );
    // Encrypted for the portal: nobody opens it here.
    let (_, told) = decoded(&house, &metadata);
    assert_eq!(verdict(&told, "entity").0, "holds");
    let entity = house.at("/idp/personnel");
    let login = visitor.open(&format!(
        "/portail/login?{}",
        form(&[("entityID", &entity)])
    ));
    let page = visitor.sign_in(&login, "amartin", PASSWORD);
    let sealed = page.field("SAMLResponse").expect("an answer");
    let (code, told) = decoded(&house, &sealed);
    assert_eq!(
        (code, verdict(&told, "encrypted").0.as_str()),
        (Some(0), "unknown")
    );
    assert!(!told.to_string().contains("Martin"), "{told}");

    // Lines for people; and of all that nothing stands in the journal.
    let file = house.data.path().join("response.txt");
    std::fs::write(&file, &xml).unwrap();
    let plain = house.run(&["saml", "decode", &file.display().to_string()]);
    let plain = String::from_utf8(plain.stdout).unwrap();
    assert!(
        plain.contains("✓ Destinée à ce service") && plain.contains("<saml:Assertion"),
        "{plain}"
    );
    let journal = serde_json::to_string(&house.journal()).unwrap();
    assert!(!journal.contains("decod") && !journal.contains("evil.example"));
}

#[test]
fn x04_what_is_hostile_is_refused_or_shown_as_text() {
    let mut house = House::start();
    let client = house.client();
    let deflated = |size: usize| forge::deflate(&vec![b' '; size]);
    for (pasted, code) in [
        ("hello", "EDU-2002"),
        ("<a>", "EDU-2015"),
        (
            "<!DOCTYPE a [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><a>&x;</a>",
            "EDU-2007",
        ),
        ("<?xml-stylesheet href='x'?><a/>", "EDU-2008"),
        (&deflated(64 << 20), "EDU-2004"),
        ("https://x.example/?SAMLRequest=%00", "EDU-2002"),
        ("", "EDU-2003"),
    ] {
        let refused = paste(&client, pasted);
        assert_eq!(refused.status, 400, "{pasted:.40}");
        assert_eq!(refused.code().as_deref(), Some(code), "{pasted:.40}");
        assert!(refused.reference().is_some());
        assert!(!refused.body.contains("root:"), "{}", refused.body);
    }
    let script = "<script>alert(1)</script>";
    let response = format!(
        "<samlp:Response xmlns:samlp='urn:oasis:names:tc:SAML:2.0:protocol' ID='{}' Version='2.0'>\
         <saml:Issuer xmlns:saml='urn:oasis:names:tc:SAML:2.0:assertion'>https://x.example/{}</saml:Issuer>\
         <x><![CDATA[{script}]]></x></samlp:Response>",
        script.replace('<', "&lt;"),
        script.replace('<', "&lt;"),
    );
    for text in [
        response.as_str(),
        script,
        "<a b='\"><script>alert(1)</script>'/>",
    ] {
        let shown = paste(&client, text);
        assert!(shown.status == 200 || shown.status == 400, "{text}");
        assert!(!shown.body.contains("<script>alert"), "{}", shown.body);
    }
    // Ten megabytes are not even read; a form of another browser, or an old one, loses nothing.
    let huge = client.send(
        "POST",
        PAGE,
        &[("content-type", "application/x-www-form-urlencoded")],
        Some(&vec![b'a'; 10 << 20]),
    );
    assert!(huge.is_err() || huge.is_ok_and(|answer| answer.status == 413));
    let old = house
        .client()
        .post(PAGE, &[("csrf", "old"), ("message", "<kept/>")]);
    assert_eq!(old.status, 200);
    assert!(
        unescape(&old.body).contains("<kept/></textarea>") && !old.body.contains("<pre"),
        "{}",
        old.body
    );
    for arguments in [
        &["saml", "decode", "/no/such/file"][..],
        &["saml", "decode", "/dev/null"],
    ] {
        assert_eq!(house.run(arguments).status.code(), Some(1), "{arguments:?}");
    }
    assert!(house.is_alive());
}

#[tokio::test]
async fn x04_the_decoder_is_fine_at_both_widths() {
    let house = House::start();
    let forged = forge::attempt(&house, &house.client());
    let response = forge::base64(&forged.compose(&forge::stranger()));
    for (kind, name) in [(Kind::DESKTOP, "1280"), (Kind::PHONE.dark(), "360-dark")] {
        let browser = Browser::open(&house.url(), kind).await;
        for (what, text) in [
            ("decoder", ""),
            ("decoder-wrong", "hello"),
            ("decoder-shown", &response),
        ] {
            browser.goto(PAGE).await;
            if !text.is_empty() {
                browser
                    .script(&format!(
                        "document.querySelector('textarea').value = '{text}'"
                    ))
                    .await;
                browser.click("main form button").await;
                let sign = if what == "decoder-shown" {
                    "main pre"
                } else {
                    "main[data-code]"
                };
                browser.find(sign).await;
            }
            browser.assert_fine(&format!("{what} {name}")).await;
            browser.picture(&format!("{what}-{name}")).await;
        }
        browser.close().await;
    }
}
