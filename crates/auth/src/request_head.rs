//! A request as the verifier sees it: the method and the header fields.

/// The part of a request that holds its credentials. Implement it for your framework's request.
///
/// ```
/// struct Head(Vec<(&'static str, &'static [u8])>);
///
/// impl auth::RequestHead for Head {
///     fn method(&self) -> &str {
///         "GET"
///     }
///
///     fn values<'a>(&'a self, name: &'static str) -> impl Iterator<Item = &'a [u8]> {
///         let values = self.0.iter().filter(move |(known, _)| known.eq_ignore_ascii_case(name));
///         values.map(|(_, value)| *value)
///     }
/// }
/// ```
pub trait RequestHead {
    /// The method, exactly as the client sent it.
    fn method(&self) -> &str;

    /// The values of all header fields with this name, in the order of the request. `name` is in
    /// lower case; the names of fields are case-insensitive.
    fn values<'a>(&'a self, name: &'static str) -> impl Iterator<Item = &'a [u8]>;
}
