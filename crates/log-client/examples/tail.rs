//! Follows a job's log until it ends.
//!
//! `cargo run -p log-client --example tail -- http://127.0.0.1:8080 JOB < token`
//!
//! A program that runs for longer than its token is valid uses `TokenSource::fresh` instead.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "an example prints its result"
)]

use log_client::{Client, Event, TokenSource};
use log_domain::{EntryId, JobId, Start};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(url), Some(job)) = (arguments.next(), arguments.next()) else {
        return Err("usage: tail URL JOB, with a token on standard input".into());
    };
    let job: JobId = job.parse()?;
    let token = std::io::read_to_string(std::io::stdin())?;

    let client = Client::builder(url)
        .token(TokenSource::fixed(&token))
        .build()?;
    let mut log = client.follow(&job, Start::After(EntryId::ZERO));
    while let Some(event) = log.next().await? {
        match event {
            // The text may contain terminal control sequences. `joblog tail` removes only the dangerous ones.
            Event::Line(line) => println!("{}", line.text.unwrap_or_default().escape_debug()),
            Event::Gap { after_id, .. } => eprintln!("-- lines after {after_id} are missing"),
            Event::Interrupted { error, pause } => {
                eprintln!("-- {error}; next attempt in {pause:?}");
            }
            Event::Done(ending) => eprintln!("-- the job ended: {ending}"),
            // Connected, a heartbeat, and what a later version may add.
            _ => {}
        }
    }
    Ok(())
}
