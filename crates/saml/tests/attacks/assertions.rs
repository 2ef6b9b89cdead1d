//! What an assertion must say (SAML Core 2, Profiles 4.1.4). All are really signed, on the response
//! and on the assertion in turn.

use saml::Refusal;

use crate::forge::{now, receive_at, refused, signed, signed_assertion};

/// The code under which an assertion with `to` in the place of `from` is refused, wherever the
/// signature is.
#[track_caller]
fn with(from: &str, to: &str) -> &'static str {
    let change = |xml: String| {
        let (head, assertion) = xml.split_once("<saml:Assertion").unwrap();
        assert!(assertion.contains(from), "{from}");
        format!("{head}<saml:Assertion{}", assertion.replacen(from, to, 1))
    };
    let outer = refused(&signed(&change)).code();
    let inner = refused(&signed_assertion(&change)).code();
    assert_eq!(outer, inner);
    outer
}

const DATA: &str = "<saml:SubjectConfirmationData NotOnOrAfter=\"2026-11-23T12:05:00Z\" Recipient=\"https://sp.example/sp/saml/acs\" InResponseTo=\"_request\"/>";
const AUDIENCE: &str = "<saml:AudienceRestriction><saml:Audience>https://sp.example/sp</saml:Audience></saml:AudienceRestriction>";

#[test]
fn another_issuer_is_refused() {
    let issuer = "<saml:Issuer>https://idp.example/idp</saml:Issuer>";
    assert_eq!(
        with(issuer, "<saml:Issuer>https://other.example</saml:Issuer>"),
        "EDU-2504"
    );
    assert_eq!(with(issuer, ""), "EDU-2303");
}

#[test]
fn another_version_or_a_bad_form_is_refused() {
    assert_eq!(with(" Version=\"2.0\"", " Version=\"1.1\""), "EDU-2302");
    assert_eq!(with(" Version=\"2.0\"", ""), "EDU-2302");
    assert_eq!(
        with(" IssueInstant=\"2026-11-23T12:00:00Z\"", ""),
        "EDU-2303"
    );
    assert_eq!(
        with(
            " IssueInstant=\"2026-11-23T12:00:00Z\"",
            " IssueInstant=\"2026-11-23T13:00:00Z\""
        ),
        "EDU-2310"
    );
}

#[test]
fn an_assertion_about_nobody_is_refused() {
    let change = |xml: String| {
        let start = xml.find("<saml:Subject>").unwrap();
        let stop = xml.find("</saml:Subject>").unwrap() + "</saml:Subject>".len();
        format!("{}{}", &xml[..start], &xml[stop..])
    };
    assert_eq!(refused(&signed(&change)), Refusal::SubjectMissing);
    assert_eq!(with("_opaque", ""), "EDU-2305");
    assert_eq!(with("_opaque", " \n"), "EDU-2305");
    assert_eq!(
        with("</saml:NameID>", "</saml:NameID><saml:EncryptedID/>"),
        "EDU-2602"
    );
    assert_eq!(
        with(
            "</saml:NameID>",
            "</saml:NameID><saml:NameID>operateur</saml:NameID>"
        ),
        "EDU-2304"
    );
}

#[test]
fn without_a_bearer_confirmation_it_is_refused() {
    assert_eq!(with("cm:bearer", "cm:holder-of-key"), "EDU-2603");
    assert_eq!(with("cm:bearer", "cm:sender-vouches"), "EDU-2603");
    assert_eq!(
        with(" Method=\"urn:oasis:names:tc:SAML:2.0:cm:bearer\"", ""),
        "EDU-2303"
    );
    assert_eq!(with(DATA, ""), "EDU-2604");
}

#[test]
fn another_recipient_is_refused() {
    let recipient = " Recipient=\"https://sp.example/sp/saml/acs\"";
    assert_eq!(with(recipient, ""), "EDU-2605");
    assert_eq!(with(recipient, " Recipient=\"\""), "EDU-2606");
    assert_eq!(
        with(recipient, " Recipient=\"https://other.example/acs\""),
        "EDU-2606"
    );
    assert_eq!(
        with(recipient, " Recipient=\"https://sp.example/sp/saml/acs?\""),
        "EDU-2606"
    );
}

#[test]
fn a_confirmation_of_another_request_is_refused() {
    let answers = " InResponseTo=\"_request\"/>";
    assert_eq!(with(answers, "/>"), "EDU-2610");
    assert_eq!(with(answers, " InResponseTo=\"_other\"/>"), "EDU-2611");
}

#[test]
fn an_endless_or_ended_confirmation_is_refused() {
    let ends = " NotOnOrAfter=\"2026-11-23T12:05:00Z\" Recipient";
    assert_eq!(with(ends, " Recipient"), "EDU-2607");
    assert_eq!(
        with(ends, " NotOnOrAfter=\"2026-11-23T11:57:00Z\" Recipient"),
        "EDU-2608"
    );
    assert_eq!(with(ends, " NotOnOrAfter=\"soon\" Recipient"), "EDU-2306");
    assert_eq!(
        with(
            DATA,
            &DATA.replace(
                " Recipient",
                " NotBefore=\"2026-11-23T11:00:00Z\" Recipient"
            )
        ),
        "EDU-2609"
    );
}

#[test]
fn an_assertion_for_another_audience_is_refused() {
    assert_eq!(with(AUDIENCE, ""), "EDU-2616");
    assert_eq!(with(AUDIENCE, "<saml:AudienceRestriction/>"), "EDU-2617");
    for other in [
        "https://other.example/sp",
        "https://sp.example/sp/",
        "https://sp.example/SP",
        "https://sp.example",
        "",
    ] {
        assert_eq!(
            with(
                "https://sp.example/sp</saml:Audience>",
                &format!("{other}</saml:Audience>")
            ),
            "EDU-2617",
            "{other}"
        );
    }
    // All restrictions hold together, not one of them.
    let other = AUDIENCE.replace("https://sp.example/sp", "https://other.example/sp");
    assert_eq!(with(AUDIENCE, &format!("{AUDIENCE}{other}")), "EDU-2617");
    assert_eq!(with(AUDIENCE, &format!("{other}{AUDIENCE}")), "EDU-2617");
}

#[test]
fn without_conditions_or_with_unknown_ones_it_is_refused() {
    let change = |xml: String| {
        let start = xml.find("<saml:Conditions").unwrap();
        let stop = xml.find("</saml:Conditions>").unwrap() + "</saml:Conditions>".len();
        format!("{}{}", &xml[..start], &xml[stop..])
    };
    assert_eq!(refused(&signed(&change)), Refusal::ConditionsMissing);
    let unknown = format!(
        "{AUDIENCE}<saml:Condition xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xmlns:x=\"urn:x\" xsi:type=\"x:OnlyOnMondays\"/>"
    );
    assert_eq!(with(AUDIENCE, &unknown), "EDU-2615");
    assert_eq!(
        with("</saml:Conditions>", "</saml:Conditions><saml:Conditions/>"),
        "EDU-2304"
    );
}

#[test]
fn an_assertion_out_of_its_time_is_refused() {
    let dates = "NotBefore=\"2026-11-23T12:00:00Z\" NotOnOrAfter=\"2026-11-23T12:05:00Z\"";
    assert_eq!(
        with(dates, "NotBefore=\"2026-11-23T12:03:01Z\""),
        "EDU-2613"
    );
    assert_eq!(
        with(dates, "NotOnOrAfter=\"2026-11-23T11:57:00Z\""),
        "EDU-2614"
    );
    assert_eq!(with(dates, "NotBefore=\"2026-11-23T12:00:00\""), "EDU-2306");
}

#[test]
fn clocks_may_differ_by_three_minutes_and_no_more() {
    let xml = signed(&|xml| xml);
    let at = |seconds: i64| receive_at(&xml, now() + chrono::Duration::seconds(seconds));
    assert!(at(-180).is_ok());
    assert_eq!(at(-181).unwrap_err().code(), "EDU-2310");
    assert!(at(300 + 179).is_ok());
    assert_eq!(at(300 + 180).unwrap_err().code(), "EDU-2608");
    assert_eq!(at(365 * 86_400).unwrap_err().code(), "EDU-2608");
}

#[test]
fn without_an_authentication_statement_it_is_refused() {
    let change = |xml: String| {
        let start = xml.find("<saml:AuthnStatement").unwrap();
        let stop = xml.find("</saml:AuthnStatement>").unwrap() + "</saml:AuthnStatement>".len();
        format!("{}{}", &xml[..start], &xml[stop..])
    };
    assert_eq!(refused(&signed(&change)), Refusal::AuthnStatementMissing);
    let instant = " AuthnInstant=\"2026-11-23T12:00:00Z\"";
    assert_eq!(with(instant, ""), "EDU-2303");
    assert_eq!(
        with(instant, " AuthnInstant=\"2026-11-23T12:03:01Z\""),
        "EDU-2310"
    );
    assert_eq!(
        with(
            instant,
            &format!("{instant} SessionNotOnOrAfter=\"2026-11-23T11:57:00Z\"")
        ),
        "EDU-2619"
    );
}

#[test]
fn an_attribute_without_a_name_is_refused() {
    assert_eq!(with(" Name=\"uid\"", ""), "EDU-2303");
}
