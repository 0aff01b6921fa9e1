//! One task a channel: opens it on the machine and carries what comes from the mediator.

use crate::handler::Back;
use crate::yard::{Chan, Yard, opened};
use border::Line;
use border::work::{CHANNELS_MAX, Down, Mode, Pty, Up, Variable};
use russh::client::{Handle, Msg};
use russh::{ChannelMsg, ChannelReadHalf, ChannelWriteHalf, Sig};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, mpsc};

/// How long the machine may take to open a channel and start what was asked for.
const OPEN_LIMIT: Duration = Duration::from_secs(15);

/// What to open.
struct Open {
    pty: Option<Pty>,
    command: Option<String>,
    variables: Vec<Variable>,
}

/// Takes one message of the mediator.
///
/// # Errors
/// What the mediator did that it may not, in words.
pub fn deliver(yard: &Arc<Yard>, handle: &Arc<Handle<Back>>, message: Down) -> Result<(), String> {
    let mut state = yard.lock();
    match message {
        Down::Open { channel, pty, command, variables } => {
            if state.channels.contains_key(&channel) || state.channels.len() >= CHANNELS_MAX {
                return Err(format!("channel {channel} is open already, or one too many"));
            }
            let (queue, work) = mpsc::unbounded_channel();
            let closing = Arc::new(Notify::new());
            state.outbox.open(channel);
            let chan = Chan { queue, closing: Arc::clone(&closing), opened: false };
            state.channels.insert(channel, chan);
            let command = command.map(|command| command.to_string());
            let open = Open { pty, command, variables: variables.into_vec() };
            let (yard, handle) = (Arc::clone(yard), Arc::clone(handle));
            tokio::spawn(run(yard, handle, channel, open, work, closing));
        }
        Down::Close { channel } => {
            state.outbox.forget(channel);
            if let Some(chan) = state.channels.remove(&channel) {
                chan.closing.notify_one();
            }
        }
        Down::Credit { channel, bytes } => {
            state.outbox.credit(channel, bytes).map_err(|error| error.to_string())?;
            yard.wake.notify_one();
        }
        Down::Data { channel, ref bytes } => {
            state.outbox.received(channel, bytes.len()).map_err(|error| error.to_string())?;
            queue(&state.channels, channel, message);
        }
        Down::Eof { channel } | Down::Resize { channel, .. } | Down::Signal { channel, .. } => {
            queue(&state.channels, channel, message);
        }
    }
    Ok(())
}

fn queue(channels: &std::collections::BTreeMap<u32, Chan>, channel: u32, message: Down) {
    // A channel that has just closed takes nothing more; that is no fault of the mediator.
    if let Some(chan) = channels.get(&channel) {
        drop(chan.queue.send(message));
    }
}

async fn run(
    yard: Arc<Yard>,
    handle: Arc<Handle<Back>>,
    number: u32,
    open: Open,
    mut work: mpsc::UnboundedReceiver<Down>,
    closing: Arc<Notify>,
) {
    let starting = tokio::time::timeout(OPEN_LIMIT, start(&yard, &handle, number, &open));
    let half = match starting.await {
        Ok(Ok(half)) => half,
        Ok(Err(why)) => return failed(&yard, number, &why),
        Err(_) => return failed(&yard, number, "the machine did not start it within 15 s"),
    };
    opened(&mut yard.lock(), number);
    yard.wake.notify_one();
    tokio::select! {
        // Closing also ends the queue: it has to be seen first, or the machine is never told.
        biased;
        // A machine that takes no input must not keep the channel from closing.
        () = closing.notified() => {
            yard.lock().numbers.remove(&half.id().number());
            drop(half.close().await);
        }
        () = carry(&yard, &half, number, &mut work) => {}
    }
}

fn failed(yard: &Yard, number: u32, why: &str) {
    let mut state = yard.lock();
    state.numbers.retain(|_, mapped| *mapped != number);
    if state.channels.remove(&number).is_some() {
        let text = Line::cut(why);
        state.outbox.close(number, Up::OpenFailed { channel: number, text }, true);
    }
    drop(state);
    yard.wake.notify_one();
}

async fn start(
    yard: &Yard,
    handle: &Handle<Back>,
    number: u32,
    open: &Open,
) -> Result<ChannelWriteHalf<Msg>, String> {
    let words = |error: russh::Error| format!("the machine opened no channel: {error}");
    let channel = handle.channel_open_session().await.map_err(words)?;
    let (mut replies, half) = channel.split();
    yard.lock().numbers.insert(half.id().number(), number);
    if let Some(pty) = &open.pty {
        let modes: Vec<(russh::Pty, u32)> = pty.modes.iter().filter_map(mode).collect();
        let (cols, rows) = (u32::from(pty.cols), u32::from(pty.rows));
        half.request_pty(true, &pty.term, cols, rows, 0, 0, &modes).await.map_err(words)?;
        granted(&mut replies, "the machine gives no terminal").await?;
    }
    for variable in &open.variables {
        // Which variables count is the machine's own business.
        half.set_env(false, variable.name.as_str(), variable.value.as_str()).await.map_err(words)?;
    }
    match &open.command {
        None => half.request_shell(true).await.map_err(words)?,
        Some(command) => half.exec(true, command.as_bytes()).await.map_err(words)?,
    }
    granted(&mut replies, "the machine does not start this").await?;
    Ok(half)
}

fn mode(mode: &Mode) -> Option<(russh::Pty, u32)> {
    russh::Pty::from_u8(mode.opcode).map(|code| (code, mode.value))
}

/// Waits for the reply to one request. What else comes is heard by the handler.
async fn granted(replies: &mut ChannelReadHalf, refusal: &str) -> Result<(), String> {
    loop {
        match replies.wait().await {
            Some(ChannelMsg::Success) => return Ok(()),
            Some(ChannelMsg::Failure | ChannelMsg::Close) | None => return Err(refusal.to_owned()),
            Some(_) => {}
        }
    }
}

async fn carry(
    yard: &Yard,
    half: &ChannelWriteHalf<Msg>,
    number: u32,
    work: &mut mpsc::UnboundedReceiver<Down>,
) {
    while let Some(message) = work.recv().await {
        let done = match message {
            Down::Data { bytes, .. } => {
                let length = bytes.len();
                let sent = half.data_bytes(bytes.into_vec()).await;
                yard.lock().outbox.taken(number, length);
                yard.wake.notify_one();
                sent
            }
            Down::Eof { .. } => half.eof().await,
            Down::Resize { cols, rows, .. } => {
                half.window_change(u32::from(cols), u32::from(rows), 0, 0).await
            }
            Down::Signal { name, .. } => half.signal(signal(&name)).await,
            Down::Open { .. } | Down::Close { .. } | Down::Credit { .. } => {
                unreachable!("deliver queues only what is carried")
            }
        };
        if done.is_err() {
            return;
        }
    }
}

fn signal(name: &str) -> Sig {
    match name {
        "ABRT" => Sig::ABRT,
        "ALRM" => Sig::ALRM,
        "FPE" => Sig::FPE,
        "HUP" => Sig::HUP,
        "ILL" => Sig::ILL,
        "INT" => Sig::INT,
        "KILL" => Sig::KILL,
        "PIPE" => Sig::PIPE,
        "QUIT" => Sig::QUIT,
        "SEGV" => Sig::SEGV,
        "TERM" => Sig::TERM,
        "USR1" => Sig::USR1,
        other => Sig::Custom(other.to_owned()),
    }
}
