//! One sealed request: open, parse, summarise, seal, wipe.
//!
//! 1. The request is opened into a locked buffer; replays end here, unsealed.
//! 2. It waits for its turn at the model.
//! 3. Binary HTTP and JSON are read in place: texts are slices of the locked buffer, or of a locked arena where they had escapes.
//! 4. The model chooses slices of them.
//! 5. The reply is written into a locked buffer of the next rung of the padding ladder, and sealed from there. Whatever went wrong
//!    after step 1 is a reply too, sealed and of the lowest rung, as most answers are (RFC 9458 section 5.2; attacks A16, A45).
//! 6. All buffers are dropped, which wipes them, before the sealed reply is sent.

use crate::{attestation::now, gateway::Refusal, limits, service::Service};
use bytes::Bytes;
use cloister_journal::{Event, record};
use cloister_memory::{Arena, Full, Locked};
use cloister_model::{Cancel, Style, SummariseError, Summary, Thread, Wish};
use cloister_seal::{Admitted, Opened};
use cloister_wire::{
    bhttp::{self, Field, ResponseHead},
    date, media, pad,
    problem::Problem,
    summary::{self, Highlight, Keep, Source, SummaryReply, SummaryRequest},
};
use std::{
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::Instant,
};
use tokio::{
    sync::OwnedSemaphorePermit,
    task::spawn_blocking,
    time::{Instant as Deadline, timeout_at},
};

/// The sealed reply to a sealed request. `place` is given back when the work is over, even if nobody waits for it any more.
pub(crate) async fn answer(
    service: Arc<Service>,
    request: Bytes,
    place: OwnedSemaphorePermit,
) -> Result<Vec<u8>, Refusal> {
    let begun = Instant::now();
    let cancel = Arc::new(Cancel::at(begun + limits::WORK));
    let _abandoned = StopOnDrop(Arc::clone(&cancel));
    let opened = {
        let service = Arc::clone(&service);
        spawn_blocking(move || {
            service
                .keys
                .open(&request, &service.window, now().as_secs())
        })
        .await
        .map_err(|_| Refusal::Unavailable)??
    };
    let deadline = Deadline::from_std(begun + limits::WORK);
    let turn = timeout_at(deadline, Arc::clone(&service.summaries).acquire_owned()).await;
    let sealed = spawn_blocking(move || {
        let sealed = match turn {
            Ok(Ok(_turn)) => reply(&service, opened, &cancel),
            _ => seal_problem(opened, Problem::Busy),
        };
        drop(place);
        sealed
    });
    let sealed = sealed.await.map_err(|_| Refusal::Unavailable)?;
    record(Event::Answered {
        took: begun.elapsed().into(),
    });
    sealed
}

/// Stops the work when the connection that waits for it is gone.
struct StopOnDrop(Arc<Cancel>);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.stop();
    }
}

/// Steps 3 to 6. A panic below becomes a sealed problem like any other; its buffers are wiped while it unwinds.
fn reply(service: &Service, opened: Opened, cancel: &Cancel) -> Result<Vec<u8>, Refusal> {
    let admitted = opened.admitted();
    let (plaintext, sealer) = opened.into_parts();
    // Nothing that a panic could leave half-changed is used afterwards: the request dies here, and the model is read-only.
    let message = catch_unwind(AssertUnwindSafe(|| {
        respond(service, plaintext.as_slice(), admitted, cancel)
    }))
    .unwrap_or(Err(Problem::Failed))
    .or_else(report)
    .map_err(|_| Refusal::Unavailable)?;
    drop(plaintext);
    sealer.seal(message).map_err(|_| Refusal::Unavailable)
}

fn seal_problem(opened: Opened, problem: Problem) -> Result<Vec<u8>, Refusal> {
    let (_, sealer) = opened.into_parts();
    let message = report(problem).map_err(|_| Refusal::Unavailable)?;
    sealer.seal(message).map_err(|_| Refusal::Unavailable)
}

/// The padded reply to an opened request.
fn respond(
    service: &Service,
    plaintext: &[u8],
    admitted: Admitted,
    cancel: &Cancel,
) -> Result<Locked, Problem> {
    let request = bhttp::Request::decode(plaintext).map_err(|_| Problem::Malformed)?;
    let dated = request
        .fields
        .single(b"date")
        .ok()
        .flatten()
        .and_then(date::parse)
        .ok_or(Problem::Date)?;
    admitted.admit_date(dated).map_err(|_| Problem::Date)?;
    if request.path != summary::PATH.as_bytes() {
        return Err(Problem::NotFound);
    }
    if request.method != b"POST" {
        return Err(Problem::Method);
    }
    if request.fields.single(b"content-type") != Ok(Some(media::JSON.as_bytes())) {
        return Err(Problem::Type);
    }
    let gathered;
    let json = match request.content.as_single() {
        Some(json) => json,
        None => {
            gathered = gather(&request.content)?;
            gathered.as_slice()
        }
    };
    // Unescaping never makes a text longer.
    let arena = Kept(Arena::with_capacity(json.len()).map_err(|_| Problem::Busy)?);
    let SummaryRequest {
        source,
        length,
        style,
    } = SummaryRequest::decode(json, &arena).map_err(|_| Problem::Request)?;
    let thread = match source {
        Source::Messages(messages) => Thread::from_messages(messages.iter().map(|message| {
            (
                message.author,
                message.time.unwrap_or_default(),
                message.text,
            )
        }))
        .map_err(|_| Problem::Request)?,
        Source::Text(text) => Thread::from_plain(text),
    };
    let style = match style {
        summary::Style::Bullets => Style::Bullets,
        summary::Style::Prose => Style::Prose,
    };
    let wish = Wish::new(length, style).map_err(|_| Problem::Request)?;
    let summary = service
        .summariser
        .summarise(&thread, &wish, cancel)
        .map_err(|error| match error {
            SummariseError::Stopped | SummariseError::TooLate => Problem::Timeout,
            _ => Problem::Failed,
        })?;
    let content = write(service, &summary, style).ok_or(Problem::Failed)?;
    message(200, media::JSON, content.as_slice()).ok_or(Problem::Failed)
}

/// Content that came in several chunks, in one locked buffer.
fn gather(content: &bhttp::Content<'_>) -> Result<Locked, Problem> {
    let mut whole = Locked::with_capacity(content.len()).map_err(|_| Problem::Busy)?;
    for piece in content.pieces() {
        whole
            .extend_from_slice(piece)
            .map_err(|_| Problem::Malformed)?;
    }
    Ok(whole)
}

/// The reply as JSON in a locked buffer.
fn write(service: &Service, summary: &Summary<'_>, style: Style) -> Option<Locked> {
    let mut length = Count(0);
    summary.render(style, &mut length).ok()?;
    let mut rendered = Writer(Locked::with_capacity(length.0).ok()?);
    summary.render(style, &mut rendered).ok()?;
    let highlights: Vec<_> = summary
        .highlights
        .iter()
        .map(|highlight| Highlight {
            id: highlight.id,
            author: highlight.author,
            time: Some(highlight.time).filter(|time| !time.is_empty()),
            text: highlight.text,
            clipped: highlight.clipped,
        })
        .collect();
    let reply = SummaryReply {
        engine: service.summariser.engine(),
        model: service.summariser.model(),
        summary: core::str::from_utf8(rendered.0.as_slice()).ok()?,
        highlights: &highlights,
    };
    let length = reply.encoded_len().ok()?;
    let mut content = Locked::with_capacity(length).ok()?;
    let written = reply.encode_into(content.spare_mut()).ok()?;
    content.advance(written).ok()?;
    Some(content)
}

/// A problem report as a padded reply; the problem itself when there is no memory for it.
fn report(problem: Problem) -> Result<Locked, Problem> {
    message(
        problem.status(),
        media::PROBLEM_JSON,
        problem.json().as_bytes(),
    )
    .ok_or(problem)
}

/// A binary HTTP response, padded to the next rung. `None` when it is above the highest one or there is no memory.
fn message(status: u16, content_type: &str, content: &[u8]) -> Option<Locked> {
    let fields = [Field {
        name: b"content-type",
        value: content_type.as_bytes(),
    }];
    let head = ResponseHead {
        status,
        fields: &fields,
    };
    let rung = pad::rung(head.encoded_len(content.len()).ok()?)?;
    let mut message = Locked::with_capacity(rung).ok()?;
    head.encode(content, message.spare_mut().get_mut(..rung)?)
        .ok()?;
    message.advance(rung).ok()?;
    Some(message)
}

/// Keeps unescaped texts of a request.
struct Kept(Arena);

impl Keep for Kept {
    fn keep(&self, text: &str) -> Result<&str, summary::Full> {
        self.0.keep_str(text).map_err(|Full| summary::Full)
    }
}

/// Counts the bytes of a text.
struct Count(usize);

impl fmt::Write for Count {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0 = self.0.checked_add(text.len()).ok_or(fmt::Error)?;
        Ok(())
    }
}

/// Writes a text into a locked buffer.
struct Writer(Locked);

impl fmt::Write for Writer {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0
            .extend_from_slice(text.as_bytes())
            .map_err(|Full| fmt::Error)
    }
}
