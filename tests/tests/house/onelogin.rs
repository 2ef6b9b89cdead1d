//! An application on python3-saml, a service provider we did not write.

use visits::peers::Onelogin;

use crate::peers;

#[test]
fn x05_python3_saml_receives_names_whole() {
    peers::names_arrive_whole::<Onelogin>();
}

#[test]
fn x05_python3_saml_and_the_portal_open_with_one_password() {
    peers::one_password_opens_both::<Onelogin>();
}

#[test]
fn p13_python3_saml_is_told_that_nobody_can_be_asked() {
    peers::a_passive_request_is_refused_at_the_service::<Onelogin>();
}

#[test]
fn p06_python3_saml_reads_what_is_encrypted_for_it() {
    peers::an_encrypted_assertion_is_read::<Onelogin>();
}
