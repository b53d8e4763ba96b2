//! Follows a stream with one Rust library, as docs/CLIENTS.md shows it, and prints what it got.
//!
//! ```text
//! rust-clients LIBRARY URL TOKEN
//! ```
//!
//! The output is that of `clients.py`. With `-printed` behind the name of the library, the program is the one that the page
//! prints, and its output is the cursor that it has kept. `rust-clients claims` tries what the page says of the libraries.

mod claims;
mod from_the_page;
mod printed;
mod with_eventsource_client;
mod with_reqwest_eventsource;

use printed::Followed;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Followed {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    if arguments == ["claims"] {
        return claims::try_all().await;
    }
    let [library, url, token] = &arguments[..] else {
        return Err("rust-clients LIBRARY URL TOKEN".into());
    };
    match library.as_str() {
        "eventsource-client" => with_eventsource_client::follow(url, token).await,
        "reqwest-eventsource" => with_reqwest_eventsource::follow(url, token).await,
        "eventsource-client-printed" => from_the_page::eventsource_client(url, token).await,
        "reqwest-eventsource-printed" => from_the_page::reqwest_eventsource(url, token).await,
        _ => Err(format!("unknown library: {library}").into()),
    }
}
