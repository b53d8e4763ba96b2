//! The code that opens the demo's page: short enough for a terminal, good once.

use actix_web::{HttpResponse, web};
use aws_lc_rs::rand::fill;
use log_wire::ErrorCode;
use parking_lot::Mutex;
use serde_json::json;

use crate::error::ApiError;

/// Letters and digits that nobody mistakes for another.
const ALPHABET: &[u8; 32] = b"abcdefghjkmnpqrstuvwxyz023456789";

/// So many wrong codes make the right one worthless.
const TRIES: u32 = 20;

/// Gives the demo's token for the code.
pub(super) struct Door {
    token: String,
    /// The present code, and how many wrong ones may still come.
    code: Mutex<(String, u32)>,
    /// Prints the address with a code.
    print: fn(&str),
}

impl Door {
    pub(super) fn new(token: String, print: fn(&str)) -> Result<Self, ApiError> {
        let code = Mutex::new((new_code()?, TRIES));
        Ok(Self { token, code, print })
    }

    pub(super) fn code(&self) -> String {
        self.code.lock().0.clone()
    }

    /// The token, if the code is right. Then there is another code.
    fn open(&self, given: &str) -> Result<&str, ApiError> {
        let mut code = self.code.lock();
        if code.1 == 0 || given.trim() != code.0 {
            code.1 = code.1.saturating_sub(1);
            return Err(ApiError::Code(ErrorCode::Unauthenticated));
        }
        *code = (new_code()?, TRIES);
        (self.print)(&code.0);
        Ok(&self.token)
    }
}

/// `POST /jobs/demo/code`: the code is the body, the answer has the token.
pub(super) async fn take(door: web::Data<Door>, given: String) -> Result<HttpResponse, ApiError> {
    let token = door.open(&given)?;
    Ok(HttpResponse::Ok()
        .insert_header(("Cache-Control", "no-store"))
        .json(json!({ "token": token })))
}

/// Eight characters: 40 random bits.
fn new_code() -> Result<String, ApiError> {
    let mut bytes = [0_u8; 8];
    fill(&mut bytes).map_err(|_| ApiError::Code(ErrorCode::Internal))?;
    let letter = |byte: &u8| char::from(ALPHABET[usize::from(byte % 32)]);
    Ok(bytes.iter().map(letter).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_opens_once_and_wrong_ones_wear_it_out() {
        let door = Door::new("token".into(), |_| {}).unwrap();
        let code = door.code();
        assert_eq!(code.len(), 8);
        assert!(door.open("wrong").is_err());
        assert_eq!(door.open(&code).unwrap(), "token");
        assert!(door.open(&code).is_err(), "once");
        let next = door.code();
        assert_ne!(next, code);
        for _ in 0..TRIES {
            assert!(door.open("wrong").is_err());
        }
        assert!(door.open(&next).is_err(), "worn out");
    }
}
