//! The form of a host name in settings.

/// Whether this is a fully qualified host name in lower-case ASCII: at least two labels of letters,
/// digits and inner hyphens (RFC 1123, section 2.1). The last label must begin with a letter, which
/// excludes IP addresses in every spelling.
pub(crate) fn is_host_name(host: &str) -> bool {
    let labels_hold = host.split('.').all(|label| {
        let bytes = label.as_bytes();
        (1..=63).contains(&bytes.len())
            && bytes
                .iter()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || *byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    });
    let top_is_a_name = host
        .rsplit_once('.')
        .is_some_and(|(_, top)| top.starts_with(|c: char| c.is_ascii_lowercase()));
    host.len() <= 253 && labels_hold && top_is_a_name
}
