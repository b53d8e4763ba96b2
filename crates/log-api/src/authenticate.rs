//! Who is it: the credentials of a request, verified.

use actix_web::http::header::{AUTHORIZATION, HeaderMap};
use auth::{Rejection, Session, Verifier, bearer};

/// The session that a request's `Authorization` header stands for.
///
/// # Errors
/// One reason why not; an unreachable key set is one of its own.
pub(crate) async fn authenticate(
    verifier: &Verifier,
    headers: &HeaderMap,
) -> Result<Session, Rejection> {
    let values = headers.get_all(AUTHORIZATION).map(|value| value.as_bytes());
    verifier.verify(bearer(values)?).await
}
