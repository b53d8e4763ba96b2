//! eventsource-client reconnects by itself, with its cursor.

use eventsource_client::{Client, ClientBuilder, Error, ReconnectOptions, SSE};
use futures_util::StreamExt;
use launchdarkly_sdk_transport::HyperTransport;
use tokio::time::sleep;

use crate::printed::{Followed, PAUSE, SILENCE, take, wait_after};

pub async fn follow(url: &str, token: &str) -> Followed {
    // By default it gives up if the first connection is refused, waits twice as long after each break, up to a minute, and waits
    // for ever on a connection that has vanished.
    let reconnect = ReconnectOptions::reconnect(true)
        .retry_initial(true)
        .delay(PAUSE)
        .delay_max(2 * PAUSE)
        .build();
    let client = ClientBuilder::for_url(url)?
        .header("Authorization", &format!("Bearer {token}"))?
        .reconnect(reconnect)
        .build_with_transport(
            HyperTransport::builder()
                .read_timeout(SILENCE)
                .build_http()?,
        );
    let mut events = client.stream();
    while let Some(next) = events.next().await {
        match next {
            // It takes 204 for a stream without events, and would come back for ever.
            Ok(SSE::Connected(answer)) if answer.response().status() == 204 => return Ok(()),
            Ok(SSE::Event(event)) => {
                if take(&event.event_type, &event.data)? {
                    return Ok(());
                }
            }
            Ok(SSE::Connected(_) | SSE::Comment(_)) => {}
            // It would ask again after every status.
            Err(Error::UnexpectedResponse(answer, _)) => {
                let retry_after = answer.get_header_value("retry-after")?;
                let Some(wait) = wait_after(answer.status(), retry_after) else {
                    return Err(format!("status {}", answer.status()).into());
                };
                // It connects when it is polled.
                sleep(wait).await;
            }
            Err(Error::Eof) => println!("{{\"cleanEndWithoutDone\": true}}"),
            // It comes back by itself.
            Err(_) => {}
        }
    }
    Err("it gave up".into())
}
