//! `cloister ask`: a thread in, a summary out.
//!
//! 1. Everything on this device is read and checked.
//! 2. The machine is verified, and the trail is shown.
//! 3. The thread is sealed and sent.
//! 4. The reply is opened, and the summary is shown.

use core::time::Duration;
use std::process::ExitCode;

use cloister_client::bundle::{Bundle, MAX_BUNDLE};
use cloister_client::channel::Patience;
use cloister_client::failure::{Failure, Fault};
use cloister_client::message::{self, Wish};
use cloister_client::relay::{self, RelayTrust, RelayUrl};
use cloister_client::seal::{SealedRequest, seal};
use cloister_client::session::{AttestedSession, Session};
use cloister_client::terminal;
use cloister_client::thread::{Format, Thread};
use cloister_client::trail::{self, Way, marked};
use cloister_verify::{Attested, Step};
use cloister_wire::summary::Answer;
use serde_json::{Value, json};

use super::arguments::{self, Ask};
use super::expectations::Expectations;
use super::output::{print, print_json, say};
use super::progress::Progress;
use super::refusal::{refused, refused_bundle};
use super::{files, now};

/// Greatest size of a file of authorities in bytes.
const MAX_AUTHORITIES: usize = 1 << 20;

/// Which way the sealed request goes.
enum Road<'a> {
    /// On the connection that ends in the verified machine.
    Session(Box<AttestedSession>),
    /// By one POST to the relay.
    OneShot(&'a RelayUrl, RelayTrust),
}

/// A verified machine and the way to it.
struct Verified<'a> {
    road: Road<'a>,
    attested: Attested,
    trail: Vec<Step>,
    published: Value,
}

/// What was sealed, for the trail.
struct Sealed {
    size: usize,
    suite: &'static str,
}

/// Asks, and prints the summary.
pub(crate) async fn run(ask: &Ask) -> Result<ExitCode, Failure> {
    // 1. Everything that can be wrong on this device is found before anybody is spoken to.
    let format = if ask.plain {
        Format::Plain
    } else {
        Format::Guess
    };
    let thread = Thread::parse(&files::read_thread(&ask.input)?, format)?;
    let expectations = Expectations::read(&ask.belief)?;
    let wish = Wish {
        length: ask.length,
        style: ask.style.into(),
    };
    drop(message::request(&thread, wish, now()?.0)?);

    // 2. Whom it is sealed to.
    let verified = match (&ask.gateway, &ask.relay, &ask.bundle) {
        (Some(_), ..) => verify_session(ask, &expectations).await?,
        (None, Some(relay), Some(bundle)) => {
            let bundle = Bundle::from_json(&files::read(bundle, MAX_BUNDLE)?)
                .map_err(|error| Failure::new(Fault::Verification, error))?;
            verify_bundle(ask, relay, &bundle, &expectations)?
        }
        _ => {
            return Err(Failure::input(
                "ask",
                "expected --gateway, or --relay with --bundle",
            ));
        }
    };
    let simulated = verified.attested.simulated();
    // Nothing goes out on the word of files that this device could be led back from.
    expectations.remember(simulated)?;
    seal_and_send(ask, &thread, wish, verified)
        .await
        .map_err(|failure| Failure {
            simulated,
            ..failure
        })
}

/// How long each phase may take.
pub(crate) fn patience(network: &arguments::Network) -> Patience {
    Patience {
        answer: Duration::from_secs(network.timeout),
        ..Patience::default()
    }
}

async fn verify_session<'a>(
    ask: &Ask,
    expectations: &Expectations,
) -> Result<Verified<'a>, Failure> {
    let gateway = ask
        .gateway
        .as_ref()
        .ok_or_else(|| Failure::input("--gateway", "expected HOST:PORT"))?;
    let progress = Progress::start("verifying the machine");
    let session = Session::open(gateway, ask.network.from_address, patience(&ask.network)).await?;
    let attested = session.attest(&expectations.expected()).await;
    drop(progress);
    let session = attested.map_err(|error| refused(error, expectations))?;
    Ok(Verified {
        attested: session.attested().clone(),
        trail: expectations.trail(session.trail().to_vec()),
        published: expectations.json(),
        road: Road::Session(Box::new(session)),
    })
}

fn verify_bundle<'a>(
    ask: &Ask,
    url: &'a RelayUrl,
    bundle: &Bundle,
    expectations: &Expectations,
) -> Result<Verified<'a>, Failure> {
    let trust = match &ask.relay_ca {
        None => RelayTrust::web(),
        Some(path) => RelayTrust::only(&files::read(path, MAX_AUTHORITIES)?)
            .map_err(|error| Failure::input(path.display(), error))?,
    };
    let appraisal = bundle.attest(&expectations.expected());
    let attested = match &appraisal.verdict {
        Ok(attested) => attested.clone(),
        Err(_) => return Err(refused_bundle(bundle, &appraisal, expectations)),
    };
    Ok(Verified {
        attested,
        trail: expectations.trail(appraisal.trail),
        published: expectations.json(),
        road: Road::OneShot(url, trust),
    })
}

async fn seal_and_send(
    ask: &Ask,
    thread: &Thread,
    wish: Wish,
    verified: Verified<'_>,
) -> Result<ExitCode, Failure> {
    let Verified {
        road,
        attested,
        trail,
        published,
    } = verified;
    if ask.verbose {
        show_trail(&trail, &attested);
    }

    // 3. The plaintext carries the present time, and is wiped as soon as it is sealed.
    let plaintext = message::request(thread, wish, now()?.0)?;
    let (request, opener) = seal(&attested, &plaintext)?;
    drop(plaintext);
    let sealed = Sealed {
        size: request.size(),
        suite: request.suite(),
    };
    if ask.verbose {
        let line = format!("sealed {} bytes under {}", sealed.size, sealed.suite);
        say(&marked(&line, attested.simulated()));
        let line = format!("way: {}", Way::of(attested.binding()).proves());
        say(&marked(&line, attested.simulated()));
    }
    let progress = Progress::start("waiting for the summary");
    let reply = send(ask, road, request).await;
    drop(progress);

    // 4. What came back.
    let plaintext = opener.open(&reply?)?;
    let answer = message::reply(&plaintext)?;
    let shown = Shown {
        attested: &attested,
        trail: &trail,
        published,
        sealed,
    };
    show(ask, &answer, shown).map_err(Failure::after_sending)?;
    Ok(ExitCode::SUCCESS)
}

async fn send(ask: &Ask, road: Road<'_>, request: SealedRequest) -> Result<Vec<u8>, Failure> {
    match road {
        Road::Session(mut session) => session
            .post(request)
            .await
            .map_err(|error| Failure::from(error).after_sending()),
        Road::OneShot(url, trust) => {
            let from = ask.network.from_address;
            relay::post(url, &trust, request, from, patience(&ask.network))
                .await
                .map_err(|error| Failure {
                    sent: error.may_have_sent(),
                    ..Failure::from(error)
                })
        }
    }
}

fn show_trail(trail: &[Step], attested: &Attested) {
    let simulated = attested.simulated();
    for line in trail::lines(trail, simulated) {
        say(&line);
    }
    let line = format!(
        "verified: release {}; {}",
        attested.release(),
        trail::tally(trail)
    );
    say(&marked(&line, simulated));
}

/// What is shown beside the answer.
struct Shown<'a> {
    attested: &'a Attested,
    trail: &'a [Step],
    published: Value,
    sealed: Sealed,
}

fn show(ask: &Ask, answer: &Answer, shown: Shown<'_>) -> Result<(), Failure> {
    let Shown {
        attested,
        trail,
        published,
        sealed,
    } = shown;
    if !ask.json {
        // Line by line, so that each can say SIMULATED.
        let shown: Vec<String> = terminal::plain(&answer.summary)
            .lines()
            .map(|line| trail::marked_text(line, attested.simulated()))
            .collect();
        return print(&shown.join("\n"));
    }
    let highlights: Vec<_> = answer
        .highlights
        .iter()
        .map(|quoted| {
            json!({
                "id": quoted.id,
                "author": quoted.author,
                "time": quoted.time,
                "text": quoted.text,
                "clipped": quoted.clipped,
            })
        })
        .collect();
    print_json(&json!({
        "summary": answer.summary,
        "highlights": highlights,
        "engine": answer.engine,
        "model": answer.model,
        "trail": trail::json(trail),
        "published": published,
        "way": Way::of(attested.binding()).word(),
        "release": attested.release().as_str(),
        "simulated": attested.simulated(),
        "sealed": { "bytes": sealed.size, "suite": sealed.suite },
    }))
}
