//! The form of the ids in Clerk's tokens and webhooks.

/// Longest id of a user, session or organisation, in bytes. Clerk's own have about 32.
const MAX_ID_BYTES: usize = 128;

/// Whether a text may be an id at all: 1 to 128 bytes of visible ASCII. Ids are used in look-ups
/// and audit records, so they must be bounded and printable.
pub(crate) fn is_id(id: &str) -> bool {
    !id.is_empty() && id.len() <= MAX_ID_BYTES && id.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Whether this is the id of a user: `user_` and at least one more character.
pub(crate) fn is_user_id(id: &str) -> bool {
    has_prefix(id, "user_")
}

/// Whether this is the id of an organisation: `org_` and at least one more character.
pub(crate) fn is_organization_id(id: &str) -> bool {
    has_prefix(id, "org_")
}

fn has_prefix(id: &str, prefix: &str) -> bool {
    is_id(id) && id.strip_prefix(prefix).is_some_and(|rest| !rest.is_empty())
}
