//! An application on SimpleSAMLphp, a service provider we did not write.

use visits::peers::SimpleSaml;

use crate::peers;

#[test]
fn x05_simplesamlphp_receives_names_whole() {
    peers::names_arrive_whole::<SimpleSaml>();
}

#[test]
fn x05_simplesamlphp_and_the_portal_open_with_one_password() {
    peers::one_password_opens_both::<SimpleSaml>();
}

#[test]
fn p13_simplesamlphp_is_told_that_nobody_can_be_asked() {
    peers::a_passive_request_is_refused_at_the_service::<SimpleSaml>();
}

#[test]
fn p06_simplesamlphp_reads_what_is_encrypted_for_it() {
    peers::an_encrypted_assertion_is_read::<SimpleSaml>();
}

#[test]
fn p09_simplesamlphp_is_answered_when_it_signs_as_it_says() {
    peers::a_signed_request_is_verified::<SimpleSaml>();
}

#[test]
fn s01_simplesamlphp_is_answered_when_it_asks_for_a_logout() {
    peers::a_logout_begun_at_the_service_ends_everything::<SimpleSaml>();
}

#[test]
fn s03_simplesamlphp_hears_of_a_logout_that_began_here() {
    peers::a_logout_begun_by_us_ends_it_at_the_service::<SimpleSaml>();
}
