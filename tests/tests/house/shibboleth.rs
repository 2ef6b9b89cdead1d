//! Apache with Shibboleth's service provider, which we did not write.

use visits::peers::Shibboleth;

use crate::peers;

#[test]
fn x05_shibboleth_receives_names_whole() {
    peers::names_arrive_whole::<Shibboleth>();
}

#[test]
fn x05_shibboleth_and_the_portal_open_with_one_password() {
    peers::one_password_opens_both::<Shibboleth>();
}

#[test]
fn p10_shibboleth_gets_a_persistent_identifier_that_lasts_and_is_its_own() {
    peers::a_persistent_identifier_lasts_and_is_not_shared::<Shibboleth>();
}

#[test]
fn s03_shibboleth_hears_of_a_logout_that_began_here() {
    peers::a_logout_begun_by_us_ends_it_at_the_service::<Shibboleth>();
}

#[test]
fn s01_shibboleth_is_answered_when_it_asks_for_a_logout() {
    peers::a_logout_begun_at_the_service_ends_everything::<Shibboleth>();
}
