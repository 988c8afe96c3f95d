//! The decoders of the device.

use cloister_client::bundle::Bundle;
use cloister_client::message;
use cloister_client::published::Remembered;
use cloister_client::thread::{Format, Thread};
use cloister_wire::summary::Answer;
use std::hint::black_box;

pub(crate) fn bundle(data: &[u8]) {
    if let Ok(bundle) = Bundle::from_json(data) {
        assert!(bundle.evidence().encode().is_ok());
    }
}

pub(crate) fn log_state(data: &[u8]) {
    if let Ok(state) = Remembered::from_json(data) {
        // What is kept is what was read; only its spelling may grow beyond what is kept.
        if let Ok(bytes) = state.to_json() {
            assert_eq!(Remembered::from_json(&bytes), Ok(state));
        }
    }
}

pub(crate) fn summary_reply(data: &[u8]) {
    // The padded plaintext of a reply, and the JSON inside it.
    let _ = black_box(message::reply(data));
    let _ = black_box(Answer::decode(data));
}

pub(crate) fn thread(data: &[u8]) {
    for format in [Format::Guess, Format::Plain] {
        if let Ok(thread) = Thread::parse(data, format) {
            assert!(thread.messages() > 0);
        }
    }
}
