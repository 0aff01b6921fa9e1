//! The two directions of a live session's stream, and the broker's answers.

use crate::hall::{Access, Hall, Owed, ToClient, finish, tell};
use border::front::Answer;
use border::work::{Down, Up};
use codec::Bytes;
use seqpacket_tokio::{Buffer, Link, LinkError, Next, OverCredit};
use std::fmt;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use tokio::sync::mpsc;

/// A peer broke its border's rules.
#[derive(Debug)]
pub enum Fault {
    /// The socket, or what came on it.
    Link(LinkError),
    /// A message that nothing called for.
    OutOfTurn(&'static str),
    /// Data or credit beyond what was given.
    OverCredit(OverCredit),
    /// `Granted` came without exactly one usable descriptor.
    NoStream,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Link(error) => write!(f, "{error}"),
            Self::OutOfTurn(message) => write!(f, "message {message} is out of turn"),
            Self::OverCredit(error) => write!(f, "{error}"),
            Self::NoStream => write!(f, "granted without the stream to the mediator"),
        }
    }
}

impl std::error::Error for Fault {}

/// Follows the broker until it is gone.
///
/// # Errors
/// [`Fault`] if it says what it may not.
pub async fn broker(hall: Arc<Hall>, answers: mpsc::UnboundedSender<Answer>) -> Result<(), Fault> {
    let mut buffer = Buffer::default();
    while let Some((answer, fds)) = hall.control.recv(&mut buffer).await.map_err(Fault::Link)? {
        answered(&hall, &answers, answer, fds)?;
    }
    Ok(())
}

fn answered(
    hall: &Arc<Hall>,
    answers: &mpsc::UnboundedSender<Answer>,
    answer: Answer,
    mut fds: Vec<OwnedFd>,
) -> Result<(), Fault> {
    let name = answer.name();
    let mut state = hall.lock();
    let owed = match &answer {
        Answer::Key { .. } => Some(Owed::Key),
        Answer::Login { .. } => Some(Owed::Login),
        Answer::Setup { .. } => return Err(Fault::OutOfTurn(name)),
        Answer::Choices { .. }
        | Answer::Waiting { .. }
        | Answer::Denied { .. }
        | Answer::Granted { .. }
        | Answer::End { .. } => None,
    };
    if let Some(owed) = owed {
        if state.owed != owed {
            return Err(Fault::OutOfTurn(name));
        }
        state.owed = Owed::Nothing;
        // The login that waited is gone only when the connection is.
        drop(answers.send(answer));
        return Ok(());
    }
    match (answer, state.access.clone()) {
        (Answer::Choices { choices }, Access::Choosing) => {
            let waiting = state.choices.take().ok_or(Fault::OutOfTurn(name))?;
            drop(waiting.send(choices.into_vec()));
        }
        (Answer::Waiting { text }, Access::Asked(_)) => {
            state.access = Access::Asked(Some(text.to_string()));
            for chan in state.channels.values().filter(|chan| chan.started) {
                tell(chan, ToClient::Notice(text.to_string()));
            }
        }
        (Answer::Granted { .. }, Access::Asked(_)) => {
            let fd = if fds.len() == 1 { fds.pop() } else { None }.ok_or(Fault::NoStream)?;
            let link = Arc::new(Link::new(fd).map_err(|_| Fault::NoStream)?);
            state.access = Access::Live;
            tokio::spawn(down(Arc::clone(hall), Arc::clone(&link)));
            tokio::spawn(up(Arc::clone(hall), link));
        }
        (Answer::Denied { text }, Access::Asked(_)) | (Answer::End { text }, _) => {
            drop(state);
            hall.end(&text);
        }
        // What was on its way when the person left.
        (_, Access::Over(_)) => {}
        _ => return Err(Fault::OutOfTurn(name)),
    }
    Ok(())
}

/// Input within which a held-back client may go on: see `login::Front::adjust_window`.
pub const INPUT_LOW: usize = 1024 * 1024;

async fn down(hall: Arc<Hall>, link: Arc<Link>) {
    loop {
        let (next, fullest) = {
            let mut state = hall.lock();
            (state.outbox.take_next(), state.outbox.fullest())
        };
        if fullest < INPUT_LOW {
            hall.throttle.resume();
        }
        let message = match next {
            None => {
                hall.wake.notified().await;
                continue;
            }
            Some(Next::Data { channel, stream: _, bytes }) => {
                let bytes = Bytes::new(bytes).expect("the outbox keeps to DATA_BYTES_MAX");
                Down::Data { channel, bytes }
            }
            Some(Next::Credit { channel, bytes }) => Down::Credit { channel, bytes },
            Some(Next::Say(message)) => message,
        };
        if link.send(&message).await.is_err() {
            // The other direction reads what the mediator said last, and ends.
            return;
        }
    }
}

async fn up(hall: Arc<Hall>, link: Arc<Link>) {
    let mut buffer = Buffer::default();
    let why = loop {
        match link.recv::<Up>(&mut buffer).await {
            Ok(Some((message, _))) => {
                if let Err(fault) = delivered(&hall, message) {
                    break Some(fault);
                }
            }
            Ok(None) => break None,
            Err(error) => break Some(Fault::Link(error)),
        }
    };
    if let Some(fault) = why {
        eprintln!("front-ssh: the mediator broke its border: {fault}");
    }
    hall.end("the session ended");
}

fn delivered(hall: &Hall, message: Up) -> Result<(), Fault> {
    let mut state = hall.lock();
    match message {
        Up::Opened { .. } => {}
        Up::OpenFailed { channel, text } => {
            state.outbox.forget(channel);
            if let Some(chan) = state.channels.remove(&channel) {
                tell(&chan, ToClient::Line(text.to_string()));
                finish(&chan);
            }
        }
        Up::Data { channel, stream, bytes } => {
            if stream > 1 {
                return Err(Fault::OutOfTurn("Data of an unknown stream"));
            }
            state.outbox.received(channel, bytes.len()).map_err(Fault::OverCredit)?;
            if let Some(chan) = state.channels.get(&channel) {
                tell(chan, ToClient::Output { stream, bytes: bytes.into_vec() });
            }
        }
        Up::Eof { channel } => to(&state.channels, channel, ToClient::Eof),
        Up::Exit { channel, status } => {
            if let Some(chan) = state.channels.get_mut(&channel) {
                chan.status = true;
                tell(chan, ToClient::Exit(status));
            }
        }
        Up::ExitSignal { channel, name, core, message } => {
            if let Some(chan) = state.channels.get_mut(&channel) {
                chan.status = true;
                tell(chan, ToClient::ExitSignal(name.to_string(), core, message.to_string()));
            }
        }
        Up::Close { channel } => {
            state.outbox.forget(channel);
            // The library tells nothing of the client's own close after ours.
            if let Some(chan) = state.channels.remove(&channel) {
                tell(&chan, ToClient::Close);
            }
        }
        Up::Credit { channel, bytes } => {
            state.outbox.credit(channel, bytes).map_err(Fault::OverCredit)?;
            hall.wake.notify_one();
        }
        Up::Notice { text } => {
            for chan in state.channels.values().filter(|chan| chan.started) {
                tell(chan, ToClient::Notice(text.to_string()));
            }
        }
        Up::End { text } => {
            drop(state);
            hall.end(&text);
        }
    }
    Ok(())
}

fn to(channels: &std::collections::BTreeMap<u32, crate::hall::Chan>, channel: u32, what: ToClient) {
    if let Some(chan) = channels.get(&channel) {
        tell(chan, what);
    }
}
