//! The programs that docs/CLIENTS.md prints, as they are printed. Each prints its cursor at the end.

use std::time::Duration;

use futures_util::StreamExt;

use crate::printed::Followed;

pub async fn eventsource_client(url: &str, token: &str) -> Followed {
    use eventsource_client::{Client, ClientBuilder, Error, ReconnectOptions, SSE};
    use launchdarkly_sdk_transport::HyperTransport;

    fn is_done(next: Result<SSE, Error>, cursor: &mut String) -> bool {
        let Ok(SSE::Event(event)) = next else {
            return false;
        };
        *cursor = event.id.unwrap_or_default();
        event.event_type == "done"
    }

    let bearer = format!("Bearer {token}");
    let mut cursor = String::new();
    include!(concat!(env!("OUT_DIR"), "/eventsource_client.rs"));
    println!("{cursor}");
    Ok(())
}

pub async fn reqwest_eventsource(url: &str, token: &str) -> Followed {
    use reqwest_eventsource::{Event, EventSource};

    let mut cursor = String::new();
    include!(concat!(env!("OUT_DIR"), "/reqwest_eventsource.rs"));
    println!("{cursor}");
    Ok(())
}
