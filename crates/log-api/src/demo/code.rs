//! The codes that open log pages on this machine: short enough for a terminal, each good once.

use std::collections::VecDeque;

use actix_web::{HttpResponse, web};
use aws_lc_rs::rand::fill;
use log_domain::JobId;
use log_wire::ErrorCode;
use parking_lot::Mutex;
use serde_json::json;

use crate::error::ApiError;

/// Letters and digits that nobody mistakes for another.
const ALPHABET: &[u8; 32] = b"abcdefghjkmnpqrstuvwxyz023456789";

/// So many wrong codes in a row make all codes worthless.
const TRIES: u32 = 20;

/// How many jobs have a code. Beyond it, the oldest code is forgotten.
const MAX_CODES: usize = 1_000;

/// Gives the token of this machine's user for a code.
pub(crate) struct Door {
    token: String,
    codes: Mutex<Codes>,
    /// Is told of the next code of a job whose page was opened.
    opened: Opened,
}

/// Takes a job and its next code.
type Opened = Box<dyn Fn(&JobId, &str) + Send + Sync>;

struct Codes {
    /// The code of each job, the oldest first.
    by_job: VecDeque<(JobId, String)>,
    /// How many wrong codes may still come.
    tries: u32,
}

impl Door {
    pub(crate) fn new(
        token: String,
        opened: impl Fn(&JobId, &str) + Send + Sync + 'static,
    ) -> Self {
        let codes = Codes {
            by_job: VecDeque::new(),
            tries: TRIES,
        };
        Self {
            token,
            codes: Mutex::new(codes),
            opened: Box::new(opened),
        }
    }

    /// A new code for the page of a job. The former one is worthless.
    pub(crate) fn new_code(&self, job: &JobId) -> Result<String, ApiError> {
        let code = random_code()?;
        let by_job = &mut self.codes.lock().by_job;
        by_job.retain(|(known, _)| known != job);
        if by_job.len() == MAX_CODES {
            by_job.pop_front();
        }
        by_job.push_back((job.clone(), code.clone()));
        Ok(code)
    }

    /// The token, if the code is right. Then there is another code.
    fn open(&self, job: &JobId, given: &str) -> Result<&str, ApiError> {
        {
            let mut codes = self.codes.lock();
            let given = given.trim();
            let is_right = codes
                .by_job
                .iter()
                .any(|(of, code)| of == job && code == given);
            if codes.tries == 0 || !is_right {
                codes.tries = codes.tries.saturating_sub(1);
                return Err(ApiError::Code(ErrorCode::Unauthenticated));
            }
            codes.tries = TRIES;
        }
        let next = self.new_code(job)?;
        (self.opened)(job, &next);
        Ok(&self.token)
    }
}

/// `POST /jobs/{job_id}/code`: the code is the body, the answer has the token.
pub(crate) async fn take(
    door: web::Data<Door>,
    job: web::Path<String>,
    given: String,
) -> Result<HttpResponse, ApiError> {
    let job = job
        .parse()
        .map_err(|_| ApiError::Code(ErrorCode::Unauthenticated))?;
    let token = door.open(&job, &given)?;
    Ok(HttpResponse::Ok()
        .insert_header(("Cache-Control", "no-store"))
        .json(json!({ "token": token })))
}

/// Eight characters: 40 random bits.
fn random_code() -> Result<String, ApiError> {
    let mut bytes = [0_u8; 8];
    fill(&mut bytes).map_err(|_| ApiError::Code(ErrorCode::Internal))?;
    let letter = |byte: &u8| char::from(ALPHABET[usize::from(byte % 32)]);
    Ok(bytes.iter().map(letter).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(id: &str) -> JobId {
        id.parse().unwrap()
    }

    fn door() -> Door {
        Door::new("token".into(), |_, _| {})
    }

    #[test]
    fn a_code_opens_its_job_once_and_wrong_ones_wear_all_out() {
        let (door, job) = (door(), job("a"));
        let code = door.new_code(&job).unwrap();
        assert_eq!(code.len(), 8);
        assert!(door.open(&job, "wrong").is_err());
        assert_eq!(door.open(&job, &code).unwrap(), "token");
        assert!(door.open(&job, &code).is_err(), "once");
        let next = door.new_code(&job).unwrap();
        assert_ne!(next, code);
        for _ in 0..TRIES {
            assert!(door.open(&job, "wrong").is_err());
        }
        assert!(door.open(&job, &next).is_err(), "worn out");
    }

    #[test]
    fn each_job_has_a_code_of_its_own() {
        let (door, a, b) = (door(), job("a"), job("b"));
        let (of_a, of_b) = (door.new_code(&a).unwrap(), door.new_code(&b).unwrap());
        assert!(door.open(&a, &of_b).is_err());
        assert!(door.open(&a, &of_a).is_ok());
        assert!(
            door.open(&b, &of_b).is_ok(),
            "the page of another job was opened"
        );
    }

    #[test]
    fn of_very_many_jobs_the_newest_have_codes() {
        let door = door();
        let codes: Vec<_> = (0..=MAX_CODES)
            .map(|n| door.new_code(&job(&format!("j{n}"))).unwrap())
            .collect();
        assert!(door.open(&job("j0"), &codes[0]).is_err());
        assert!(door.open(&job("j1"), &codes[1]).is_ok());
    }
}
