//! Apache with mod_auth_mellon, a service provider we did not write.

use visits::peers::Mellon;

use crate::peers;

#[test]
fn p02_mellon_receives_names_whole() {
    peers::names_arrive_whole::<Mellon>();
}

#[tokio::test(flavor = "multi_thread")]
async fn p02_mellon_signs_a_browser_on() {
    peers::a_browser_signs_on::<Mellon>().await;
}

#[test]
fn mellon_and_the_portal_open_with_one_password() {
    peers::one_password_opens_both::<Mellon>();
}

#[test]
fn p09_mellon_is_answered_when_it_signs_as_it_says() {
    peers::a_signed_request_is_verified::<Mellon>();
}

#[test]
fn p01_mellon_sends_its_request_by_post() {
    peers::a_request_by_post_is_answered::<Mellon>();
}

#[test]
fn p13_mellon_has_the_password_asked_again() {
    peers::a_forced_sign_on_asks_again::<Mellon>();
}

#[test]
fn p13_mellon_is_told_that_nobody_can_be_asked() {
    peers::a_passive_request_is_refused_at_the_service::<Mellon>();
}

#[test]
fn p10_mellon_gets_a_persistent_identifier_that_lasts_and_is_its_own() {
    peers::a_persistent_identifier_lasts_and_is_not_shared::<Mellon>();
}

#[test]
fn p10_mellon_gets_a_transient_identifier_that_does_not_last() {
    peers::a_transient_identifier_does_not_last::<Mellon>();
}

#[test]
fn p15_mellon_is_told_that_a_format_is_not_given() {
    peers::a_format_that_is_not_given_is_told::<Mellon>();
}

#[test]
fn p14_mellon_is_told_that_a_context_cannot_be_proven() {
    peers::a_context_that_cannot_be_proven_is_told::<Mellon>();
}

#[test]
fn p06_mellon_reads_what_is_encrypted_for_it() {
    peers::an_encrypted_assertion_is_read::<Mellon>();
}

#[test]
fn p03_mellon_comes_for_what_an_artifact_stands_for() {
    peers::an_answer_by_artifact_is_resolved::<Mellon>();
}

#[test]
fn p04_mellon_signs_on_who_comes_with_the_client_of_pysaml() {
    peers::an_enhanced_client_signs_on::<Mellon>();
}

#[test]
fn p18_mellon_takes_an_answer_it_did_not_ask_for() {
    peers::an_answer_nobody_asked_for_is_taken::<Mellon>();
}

#[test]
fn mellon_ends_a_session_when_it_is_told_by_soap() {
    peers::a_logout_by_soap_is_understood::<Mellon>();
}

#[test]
fn s01_mellon_is_answered_when_it_asks_for_a_logout() {
    peers::a_logout_begun_at_the_service_ends_everything::<Mellon>();
}

#[test]
fn s03_mellon_hears_of_a_logout_that_began_here() {
    peers::a_logout_begun_by_us_ends_it_at_the_service::<Mellon>();
}

#[test]
fn s05_a_broken_mellon_stops_no_other() {
    peers::a_broken_service_stops_no_other::<Mellon>();
}
