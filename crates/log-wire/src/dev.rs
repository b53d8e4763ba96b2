//! What `log-api serve --dev` and `joblog` agree upon.

/// The API key of a service for development. Everybody knows it. That service listens on this machine alone, and keeps
/// nothing that matters.
pub const DEV_KEY: &str = "jlk_Znemh7FQ_MoYWwxYmh70L7p9UcMb9CM7m0zlYp1HeTYIpBXsJRIs_3Hxwbn";

/// The user whom a service for development shows logs to.
pub const DEV_USER: &str = "user_dev";
