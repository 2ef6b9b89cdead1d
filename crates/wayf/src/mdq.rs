//! `/mdq/entities/{id}`: the metadata of one entity that this deployment publishes, signed, for who
//! wants no whole federation (draft-young-md-query; draft-young-md-query-saml is its SAML profile).

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use percent_encoding::percent_decode_str;
use web::publishing::Published;
use web::{Refused, Visit};

use crate::Wayf;

/// What the names of entities follow.
pub(crate) const UNDER: &str = "/mdq/entities/";
/// How long a reader may keep it before it asks again, seconds: our `cacheDuration`.
const KEPT_S: u32 = 3600;

/// `GET /mdq/entities/{id}`: the entityID, or `{sha1}` and the digest of it, percent-encoded.
pub(crate) async fn entity(
    visit: Visit,
    request: HttpRequest,
    wayf: Data<Wayf>,
) -> Result<HttpResponse, Refused> {
    let written = request.uri().path().strip_prefix(UNDER).unwrap_or_default();
    let asked = percent_decode_str(written).decode_utf8_lossy();
    let known = wayf.parts.federation.snapshot();
    let found = known.published(&asked);
    let word = if found.is_some() { "yes" } else { "no" };
    visit
        .edge()
        .count("eduline_mdq_answers_total", &[("found", word)]);
    let document = found
        .ok_or_else(|| Refused::not_found(format!("no entity of ours is called {asked:?}")))?;
    let published = Published::of(document.as_ref().to_owned());
    Ok(published.answer(&request, "application/samlmetadata+xml", KEPT_S))
}
