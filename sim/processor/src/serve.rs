//! The socket: one virtual machine at a time, 64 bytes in, a length and a frame out.
//!
//! QEMU connects when it starts and stays connected while the machine lives; inside, the guest's processes come and go. So a request
//! that stalls half-way is dropped without dropping the connection, and the guest starts its next one afresh.

use crate::processor::Processor;
use cloister_bind::ReportData;
use core::fmt;
use core::time::Duration;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Semaphore, watch};
use tokio::time::timeout;

/// How long the rest of a request may take once it has begun.
const STALLED: Duration = Duration::from_secs(2);
/// How long the guest may take to accept an answer.
const SLOW: Duration = Duration::from_secs(30);

/// What happened on the socket. Nothing of a request is in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A virtual machine is connected.
    Connected,
    /// A second connection was closed at once.
    Busy,
    /// A report was signed and sent; how many that makes since the start.
    Answered(u64),
    /// A request stopped half-way and was dropped.
    Stalled,
    /// The connection ended.
    Disconnected,
    /// A request could not be answered.
    Failed(String),
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connected => f.write_str("a virtual machine is connected"),
            Self::Busy => f.write_str("refused a second connection while one lives"),
            Self::Answered(count) => write!(f, "signed report {count}"),
            Self::Stalled => f.write_str("dropped a request that stopped half-way"),
            Self::Disconnected => f.write_str("the connection ended"),
            Self::Failed(why) => write!(f, "gave no report: {why}"),
        }
    }
}

/// Accepts connections until its future is dropped. `processor` is filled when the keys are made; requests wait for it.
/// `tell` hears of every event, in order for each connection.
///
/// # Errors
/// The error of the listener when it cannot accept any more.
pub async fn serve(
    listener: UnixListener,
    processor: watch::Receiver<Option<Arc<Processor>>>,
    tell: impl Fn(Event) + Send + Sync + 'static,
) -> std::io::Result<()> {
    let one = Arc::new(Semaphore::new(1));
    let tell = Arc::new(tell);
    let answered = Arc::new(std::sync::atomic::AtomicU64::new(0));
    loop {
        let (stream, _) = listener.accept().await?;
        let Ok(turn) = Arc::clone(&one).try_acquire_owned() else {
            tell(Event::Busy);
            continue;
        };
        let (processor, tell, answered) =
            (processor.clone(), Arc::clone(&tell), Arc::clone(&answered));
        tokio::spawn(async move {
            tell(Event::Connected);
            let count = || {
                answered
                    .fetch_add(1, std::sync::atomic::Ordering::Relaxed)
                    .saturating_add(1)
            };
            if let Err(why) = connection(stream, processor, &*tell, count).await {
                tell(Event::Failed(why));
            }
            tell(Event::Disconnected);
            drop(turn);
        });
    }
}

/// Answers requests until the peer closes.
async fn connection(
    mut stream: UnixStream,
    mut processor: watch::Receiver<Option<Arc<Processor>>>,
    tell: &(impl Fn(Event) + Send + Sync),
    count: impl Fn() -> u64,
) -> Result<(), String> {
    loop {
        let mut request = [0; 64];
        let (first, rest) = request.split_at_mut(1);
        // Between requests the machine may be silent for days.
        if stream.read_exact(first).await.is_err() {
            return Ok(());
        }
        match timeout(STALLED, stream.read_exact(rest)).await {
            Ok(Ok(_)) => {}
            Ok(Err(_)) => return Ok(()),
            Err(_) => {
                tell(Event::Stalled);
                continue;
            }
        }
        let ready = processor
            .wait_for(Option::is_some)
            .await
            .map(|ready| ready.clone());
        let ready = ready.ok().flatten().ok_or("the processor did not start")?;
        let frame = ready
            .answer(&ReportData(request))
            .map_err(|e| e.to_string())?;
        let length = u32::try_from(frame.len()).map_err(|e| e.to_string())?;
        let answer = [&length.to_be_bytes(), frame.as_slice()].concat();
        match timeout(SLOW, stream.write_all(&answer)).await {
            Ok(Ok(())) => tell(Event::Answered(count())),
            Ok(Err(_)) => return Ok(()),
            Err(_) => return Err("the guest takes no answer".to_owned()),
        }
    }
}
