//! The background task that follows what is revoked, in this process and in others.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use super::decision::Deciders;

/// The pause after the revocations could not be read. It is constant: a reader must not go on for long after an outage.
const RETRY: Duration = Duration::from_millis(250);

/// Applies revocations as they come. Never returns while there are any to follow.
pub(super) async fn follow_revocations(deciders: Arc<Deciders>) {
    let Some(list) = &deciders.revoked else {
        return;
    };
    let mut watch = list.store.watch_revocations();
    let mut failing = false;
    loop {
        watch.changed().await;
        match watch.news().await {
            Ok(news) => {
                deciders.apply(&news);
                list.set_loaded();
                failing = false;
            }
            Err(error) => {
                // One warning an outage is enough.
                if !std::mem::replace(&mut failing, true) {
                    tracing::warn!(%error, "revocations cannot be read; trying again");
                }
                sleep(RETRY).await;
            }
        }
    }
}
