//! What a client goes on sending when its request has been answered.
//!
//! Actix would read a body in chunks to its end, to use the connection again, and such a body may have no end. Where the
//! body is still there when the answer is sent, it ends the connection instead, after a second in which the client can
//! read the answer. So the body is kept until then, whoever has dropped it.

use std::cell::RefCell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use actix_http::Payload;
use actix_web::HttpMessage as _;
use actix_web::body::{BodySize, BoxBody, EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::error::PayloadError;
use actix_web::web::Bytes;
use futures_util::Stream;

/// The body of a request under way.
pub(super) struct UnreadBody(Option<SharedPayload>);

impl UnreadBody {
    /// Takes a share in the body of a request.
    pub(super) fn new(request: &mut ServiceRequest) -> Self {
        match request.take_payload() {
            body @ Payload::H1 { .. } => {
                let shared = SharedPayload(Rc::new(RefCell::new(body)));
                let payload = Box::pin(shared.clone());
                request.set_payload(Payload::Stream { payload });
                Self(Some(shared))
            }
            other => {
                request.set_payload(other);
                Self(None)
            }
        }
    }

    /// Keeps the body until the answer is sent.
    pub(super) fn keep_until_sent<B: MessageBody + 'static>(
        self,
        response: ServiceResponse<EitherBody<B, BoxBody>>,
    ) -> ServiceResponse<EitherBody<B, BoxBody>> {
        let Some(request) = self.0 else {
            return response;
        };
        response.map_body(|_, body| {
            let body = BoxBody::new(body);
            EitherBody::right(BoxBody::new(Answer {
                body,
                _request: request,
            }))
        })
    }
}

/// The body of an answer, and that of its request, which ends with it.
struct Answer {
    body: BoxBody,
    _request: SharedPayload,
}

impl MessageBody for Answer {
    type Error = <BoxBody as MessageBody>::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        Pin::new(&mut self.body).poll_next(context)
    }
}

/// A body with several owners, of which one reads.
#[derive(Clone)]
struct SharedPayload(Rc<RefCell<Payload>>);

impl Stream for SharedPayload {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Pin::new(&mut *self.0.borrow_mut()).poll_next(context)
    }
}
