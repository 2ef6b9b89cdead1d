//! Extractors that parse at the door: strict forms and queries.

/// A form body: `application/x-www-form-urlencoded`, at most 256 kB, UTF-8, no parameter twice, no
/// content encoding; unknown parameters are ignored, missing ones are a 400 (EDU-1xxx). Wrong
/// content type 415.
pub struct Form<T>(pub T);

/// A query string under the same rules; `Query<T>` with all fields `Option` never fails on absence.
pub struct Query<T>(pub T);
// Both implement actix_web::FromRequest for T: serde::de::DeserializeOwned, Error = Refused.
