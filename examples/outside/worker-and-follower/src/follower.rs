//! The follower: the log of a job from a service, each line once, through broken connections.

use log_client::{Client, ClientError, Event};
use log_domain::{EntryId, JobId, Start};

/// What was seen of a log.
#[derive(Debug, Default)]
pub struct Followed {
    /// The texts of the lines, in order.
    pub lines: Vec<String>,
    /// How many places there were where lines may be missing.
    pub gaps: usize,
    /// How often the connection broke.
    pub interruptions: usize,
    /// How the job has ended, as the service says it.
    pub ending: Option<String>,
}

/// Follows a job from the beginning of its log to its end. `seen` is called with each line as it comes.
///
/// # Errors
/// The service refuses for good: there is no such job, or the token is not accepted.
pub async fn follow(
    client: &Client,
    job: &JobId,
    mut seen: impl FnMut(&str),
) -> Result<Followed, ClientError> {
    let mut log = client.follow(job, Start::After(EntryId::ZERO));
    let mut followed = Followed::default();
    while let Some(event) = log.next().await? {
        match event {
            Event::Line(line) => {
                let text = line.text.unwrap_or_default();
                seen(&text);
                followed.lines.push(text);
            }
            Event::Gap { .. } => followed.gaps += 1,
            // It comes back by itself, with its cursor.
            Event::Interrupted { .. } => followed.interruptions += 1,
            Event::Done(ending) => followed.ending = Some(ending.to_string()),
            // Signs of life, and whatever later versions add.
            _ => {}
        }
    }
    Ok(followed)
}
