//! What a person keeps back of what a service can do without (R07).

use saml::attribute;
use visits::{Answer, House, Partner};

use crate::information::{ask, books, is_told, send};

fn offers(page: &Answer, name: &str) -> bool {
    page.body.contains(&format!("name=\"decline-{name}\""))
}

fn is_ticked(page: &Answer, name: &str) -> bool {
    let ticked = format!("name=\"decline-{name}\" type=\"checkbox\" value=\"1\" checked");
    page.body.contains(&ticked)
}

#[test]
fn r07_what_a_service_can_do_without_is_kept_back_by_whoever_wants() {
    let house = House::start();
    let partner = books("books.example")
        .asking("sn", false)
        .asking("givenName", false)
        .asking("FrEduResDel", false);
    let decided = ["--information", "once", "--attribute", "title"];
    partner.register(&house, &decided);
    let client = house.client();
    let (page, request) = ask(&partner, &house, &client);
    assert!(
        offers(&page, "sn") && offers(&page, "givenName"),
        "{}",
        page.body
    );
    // Not what it requires, what the operator decided, nor what there is nothing of.
    for name in ["mail", "title", "FrEduResDel"] {
        assert!(!offers(&page, name), "{name}");
    }
    let declining = [
        ("choice", "continue"),
        ("decline-sn", "1"),
        ("decline-mail", "1"),
        ("decline-title", "1"),
    ];
    let answer = send(&client, &page, &declining);
    let login = partner.receive(&house, &answer, Some(&request.id));
    assert_eq!(login.value(attribute::SN.name), None, "kept back");
    for wire in [attribute::MAIL, attribute::TITLE, attribute::GIVEN_NAME] {
        assert!(login.value(wire.name).is_some(), "{}", wire.short);
    }
    // Once is once.
    let (page, request) = ask(&partner, &house, &client);
    assert!(is_told(&page) && !is_ticked(&page, "sn"));
    let declining = [
        ("choice", "continue"),
        ("remember", "1"),
        ("decline-givenName", "1"),
    ];
    let answer = send(&client, &page, &declining);
    partner.receive(&house, &answer, Some(&request.id));
    // Remembered with the rest.
    let login = partner.sign_on(&house, &client, "amartin");
    assert_eq!(login.value(attribute::GIVEN_NAME.name), None);
    assert_eq!(login.value(attribute::SN.name), Some("Martin"));
    let listed = client.get("/idp/personnel/releases");
    assert!(listed.body.contains("À votre demande"), "{}", listed.body);
    // Of this service, and of this person, only.
    let other = Partner::new("other.example").asking("givenName", false);
    other.register(&house, &["--information", "never"]);
    let login = other.sign_on(&house, &client, "amartin");
    assert_eq!(login.value(attribute::GIVEN_NAME.name), Some("Anne"));
    let somebody = house.client();
    let page = somebody.open(&partner.address(&house, &partner.request(&house)));
    let page = somebody.sign_in(&page, "bleroy", visits::PASSWORD);
    assert!(is_told(&page) && !is_ticked(&page, "givenName"));

    // When something changes the person is asked again, and what they said before is ticked.
    partner.register(&house, &["--information", "once", "--attribute", "rne"]);
    let started = std::time::Instant::now();
    let page = loop {
        let (page, _) = ask(&partner, &house, &client);
        if is_told(&page) {
            break page;
        }
        assert!(started.elapsed().as_secs() < 10, "never asked again");
    };
    assert!(is_ticked(&page, "givenName") && !is_ticked(&page, "sn"));
    let answer = send(&client, &page, &[("choice", "continue"), ("remember", "1")]);
    let xml = visits::partner::decoded(&answer.field("SAMLResponse").unwrap());
    assert!(xml.contains(">Anne<"), "sent again: {xml}");

    let journal = house.journal();
    let declined = journal.iter();
    let declined: Vec<&str> = declined
        .filter(|line| line["event"] == "idp.information.declined")
        .filter_map(|line| line["attributes"].as_str())
        .collect();
    assert_eq!(declined, ["sn", "givenName"]);
    let all = serde_json::to_string(&journal).unwrap();
    assert!(!all.contains("Martin"), "values are not journalled");
}
