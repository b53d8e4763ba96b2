//! What the suite reads of each event, and what an answer other than 200 asks for.

use std::time::Duration;

use serde_json::{Value, json};

/// Longer than the longest silence of the service (25 s).
pub const SILENCE: Duration = Duration::from_secs(35);

pub const PAUSE: Duration = Duration::from_millis(200);

pub type Followed = Result<(), Box<dyn std::error::Error>>;

/// Prints an event. True at `done`.
pub fn take(name: &str, data: &str) -> Result<bool, serde_json::Error> {
    let data: Value = serde_json::from_str(data)?;
    match name {
        "log" => println!(
            "{}",
            json!({"id": data["id"], "text": shown(&data["text"])})
        ),
        "gap" => println!("{}", json!({"gap": data})),
        "done" => println!("{}", json!({"done": data["status"]})),
        _ => {}
    }
    Ok(name == "done")
}

fn shown(text: &Value) -> Value {
    let length = text.as_str().map_or(0, |text| text.chars().count());
    if length <= 1000 {
        return text.clone();
    }
    json!(format!("{length} characters"))
}

/// How long to wait after an answer that asks to come back; `None` after one that is final.
pub fn wait_after(status: u16, retry_after: Option<&str>) -> Option<Duration> {
    let seconds = retry_after.and_then(|text| text.parse().ok());
    let may_come_back = matches!(status, 429 | 502..=504);
    may_come_back.then(|| Duration::from_secs(seconds.unwrap_or(1)))
}
