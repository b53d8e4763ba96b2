//! Follows a job's log to its end.
//!
//! `cargo run -p log-client --example tail -- http://127.0.0.1:8080 JOB < token`
//!
//! A program that runs longer than its token lives uses `TokenSource::fresh` instead.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "its output is what it is for"
)]

use log_client::{Client, Event, TokenSource};
use log_domain::{EntryId, JobId, Start};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(url), Some(job)) = (arguments.next(), arguments.next()) else {
        return Err("usage: follow URL JOB, with a token on standard input".into());
    };
    let job: JobId = job.parse()?;
    let token = std::io::read_to_string(std::io::stdin())?;

    let client = Client::builder(url)
        .token(TokenSource::fixed(&token))
        .build()?;
    let mut log = client.follow(&job, Start::After(EntryId::ZERO));
    while let Some(event) = log.next().await? {
        match event {
            // What a command printed is not for a terminal as it is: `joblog tail` filters it.
            Event::Line(line) => println!("{}", line.text.unwrap_or_default().escape_debug()),
            Event::Gap { after_id, .. } => eprintln!("-- lines after {after_id} are gone"),
            Event::Interrupted { trouble, pause } => eprintln!("-- {trouble}; again in {pause:?}"),
            Event::Done(ending) => eprintln!("-- the job ended: {ending}"),
            Event::Connected | Event::Heartbeat => {}
        }
    }
    Ok(())
}
