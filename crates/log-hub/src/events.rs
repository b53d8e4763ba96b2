//! A viewer as a `Stream` of events, for programs that do something else with lines than to send them as SSE.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::Stream;
use log_domain::{EntryId, JobEnd, Line};
use log_wire::sse::{self, Decoder, RawEvent};

use crate::broken_off::BrokenOff;
use crate::next::Next;
use crate::viewer::Viewer;

/// What a viewer sees.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// One line of the log.
    Line(Line),
    /// Lines may be missing here.
    Gap {
        /// The viewer's position before the gap.
        after_id: EntryId,
        /// The first line after it that is still there.
        first_id: Option<EntryId>,
    },
    /// Nothing new for a while ([`crate::HubOptions::heartbeat`]).
    Heartbeat {
        /// The viewer's position.
        position: EntryId,
    },
    /// The last event: the log has ended, and every line was handed out.
    Done {
        /// How the job has ended.
        end: JobEnd,
        /// The position of the end.
        position: EntryId,
    },
}

/// The events of a viewer. It ends after [`Event::Done`]; a stream that is broken off ends with an error.
///
/// The hub keeps lines as encoded frames. Here they are decoded again for each viewer, so for sending them as SSE
/// [`Frames`](crate::Frames) cost much less.
#[derive(Debug)]
pub struct Events {
    viewer: Viewer,
    decoder: Decoder,
    ready: VecDeque<Event>,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Runs,
    BreaksOff,
    IsOver,
}

impl Viewer {
    /// The viewer as a stream of events.
    #[must_use]
    pub fn into_events(self) -> Events {
        Events {
            viewer: self,
            decoder: Decoder::new(),
            ready: VecDeque::new(),
            state: State::Runs,
        }
    }
}

impl Events {
    /// Takes what the viewer has handed out.
    fn take(&mut self, next: &Next) {
        let (Next::Frames(frames) | Next::Done(frames) | Next::BrokenOff(frames)) = next;
        for raw in self.decoder.feed(frames) {
            let event = self.event(&raw);
            self.ready.extend(event);
        }
        match next {
            Next::Frames(_) => {}
            Next::Done(_) => self.state = State::IsOver,
            Next::BrokenOff(_) => {
                // It is a heartbeat with the time to come back after. The error says that this is the end.
                self.ready.pop_back();
                self.state = State::BreaksOff;
            }
        }
    }

    /// What an encoded event means. The hub has encoded it, so there are no others.
    fn event(&self, raw: &RawEvent) -> Option<Event> {
        let position = raw.last_event_id.parse().ok()?;
        match sse::Event::from_raw(raw).ok()? {
            sse::Event::Log(line) => Some(Event::Line(line)),
            sse::Event::Gap { after_id, first_id } => Some(Event::Gap { after_id, first_id }),
            sse::Event::Heartbeat => Some(Event::Heartbeat { position }),
            sse::Event::Done { .. } => {
                let end = self.viewer.end()?;
                Some(Event::Done { end, position })
            }
            _ => None,
        }
    }
}

impl Stream for Events {
    type Item = Result<Event, BrokenOff>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Poll::Ready(Some(Ok(event)));
            }
            match self.state {
                State::Runs => {
                    let next = ready!(self.viewer.poll_next(cx));
                    self.take(&next);
                }
                State::BreaksOff => {
                    self.state = State::IsOver;
                    return Poll::Ready(Some(Err(BrokenOff::at(self.viewer.position()))));
                }
                State::IsOver => return Poll::Ready(None),
            }
        }
    }
}
