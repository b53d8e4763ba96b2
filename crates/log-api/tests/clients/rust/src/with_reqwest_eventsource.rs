//! reqwest-eventsource reconnects by itself with its cursor, but not after an answer other than 200.

use futures_util::StreamExt;
use reqwest::header::RETRY_AFTER;
use reqwest_eventsource::retry::Constant;
use reqwest_eventsource::{Error, Event, EventSource};
use tokio::time::sleep;

use crate::printed::{Followed, PAUSE, SILENCE, take, wait_after};

pub async fn follow(url: &str, token: &str) -> Followed {
    let client = reqwest::Client::builder().read_timeout(SILENCE).build()?;
    let mut cursor = String::new();
    loop {
        let request = client.get(url).bearer_auth(token);
        // An empty one counts as none.
        let request = request.header("Last-Event-ID", &cursor);
        let mut source = EventSource::new(request)?;
        source.set_retry_policy(Box::new(Constant::new(PAUSE, None)));
        while let Some(next) = source.next().await {
            match next {
                Ok(Event::Open) => {}
                Ok(Event::Message(event)) => {
                    cursor.clone_from(&event.id);
                    if take(&event.event, &event.data)? {
                        return Ok(());
                    }
                }
                Err(Error::InvalidStatusCode(status, answer)) => {
                    if status == 204 {
                        return Ok(());
                    }
                    let retry_after = answer.headers().get(RETRY_AFTER);
                    let retry_after = retry_after.and_then(|value| value.to_str().ok());
                    let Some(wait) = wait_after(status.as_u16(), retry_after) else {
                        return Err(format!("status {status}").into());
                    };
                    sleep(wait).await;
                }
                Err(Error::StreamEnded) => println!("{{\"cleanEndWithoutDone\": true}}"),
                // It comes back by itself.
                Err(_) => {}
            }
        }
    }
}
