//! `/wayf/button.js`: a sign-on button for the pages of others (D20). The button is a link: the
//! choice is made, and remembered, here, so that nothing depends on cookies in a foreign page.

use actix_web::HttpResponse;
use actix_web::http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_TYPE};
use web::Refused;

/// The script. It reads nothing but the element it is for, and follows https addresses only, or
/// those of the page it stands in.
const SCRIPT: &str = include_str!("button.js");

/// `GET /wayf/button.js`
pub(crate) async fn script() -> Result<HttpResponse, Refused> {
    Ok(HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, "text/javascript; charset=utf-8"))
        .insert_header((CACHE_CONTROL, "public, max-age=3600"))
        .insert_header((ACCESS_CONTROL_ALLOW_ORIGIN, "*"))
        .body(SCRIPT))
}
