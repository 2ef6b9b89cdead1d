//! An application on pysaml2, a service provider we did not write.

use visits::peers::Pysaml;

use crate::peers;

#[test]
fn p02_pysaml_receives_names_whole() {
    peers::names_arrive_whole::<Pysaml>();
}

#[tokio::test(flavor = "multi_thread")]
async fn p02_pysaml_signs_a_browser_on() {
    peers::a_browser_signs_on::<Pysaml>().await;
}

#[test]
fn pysaml_and_the_portal_open_with_one_password() {
    peers::one_password_opens_both::<Pysaml>();
}

#[test]
fn p09_pysaml_is_answered_when_it_signs_as_it_says() {
    peers::a_signed_request_is_verified::<Pysaml>();
}

#[test]
fn p01_pysaml_sends_its_request_by_post() {
    peers::a_request_by_post_is_answered::<Pysaml>();
}

#[test]
fn p13_pysaml_has_the_password_asked_again() {
    peers::a_forced_sign_on_asks_again::<Pysaml>();
}

#[test]
fn p13_pysaml_is_told_that_nobody_can_be_asked() {
    peers::a_passive_request_is_refused_at_the_service::<Pysaml>();
}

#[test]
fn p10_pysaml_gets_a_persistent_identifier_that_lasts_and_is_its_own() {
    peers::a_persistent_identifier_lasts_and_is_not_shared::<Pysaml>();
}

#[test]
fn p10_pysaml_gets_a_transient_identifier_that_does_not_last() {
    peers::a_transient_identifier_does_not_last::<Pysaml>();
}

#[test]
fn p15_pysaml_is_told_that_a_format_is_not_given() {
    peers::a_format_that_is_not_given_is_told::<Pysaml>();
}

#[test]
fn p14_pysaml_is_told_that_a_context_cannot_be_proven() {
    peers::a_context_that_cannot_be_proven_is_told::<Pysaml>();
}

#[test]
fn p06_pysaml_reads_what_is_encrypted_for_it() {
    peers::an_encrypted_assertion_is_read::<Pysaml>();
}

#[test]
fn p18_pysaml_takes_an_answer_it_did_not_ask_for() {
    peers::an_answer_nobody_asked_for_is_taken::<Pysaml>();
}

#[test]
fn s01_pysaml_is_answered_when_it_asks_for_a_logout() {
    peers::a_logout_begun_at_the_service_ends_everything::<Pysaml>();
}

#[test]
fn s03_pysaml_hears_of_a_logout_that_began_here() {
    peers::a_logout_begun_by_us_ends_it_at_the_service::<Pysaml>();
}

#[test]
fn s05_a_broken_pysaml_stops_no_other() {
    peers::a_broken_service_stops_no_other::<Pysaml>();
}

#[test]
fn s02_pysaml_asks_for_a_logout_by_post() {
    peers::a_logout_by_post_is_answered_by_post::<Pysaml>();
}
