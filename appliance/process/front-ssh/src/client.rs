//! One task a channel writes to the operator's client, so that a client that takes nothing on one
//! channel holds back only that one.

use crate::hall::{Hall, ToClient};
use russh::server::{Handle, Msg};
use russh::{ChannelWriteHalf, Sig};
use std::sync::Arc;
use tokio::sync::mpsc;

/// SSH_EXTENDED_DATA_STDERR (RFC 4254 5.2).
pub const STDERR: u32 = 1;

/// Writes what is queued for a channel until its close.
pub async fn write(
    hall: Arc<Hall>,
    handle: Handle,
    half: ChannelWriteHalf<Msg>,
    mut queue: mpsc::UnboundedReceiver<ToClient>,
) {
    let number = half.id().number();
    // Remembered: the channel's own entry is gone by the time of its last words.
    let mut pty = false;
    while let Some(what) = queue.recv().await {
        if let Some(chan) = hall.lock().channels.get(&number) {
            pty = chan.pty.is_some();
        }
        let last = matches!(what, ToClient::Close);
        // The library is gone: so is the client.
        if put(&hall, &handle, &half, pty, what).await.is_err() || last {
            return;
        }
    }
}

async fn put(
    hall: &Hall,
    handle: &Handle,
    half: &ChannelWriteHalf<Msg>,
    pty: bool,
    what: ToClient,
) -> Result<(), russh::Error> {
    match what {
        ToClient::Output { stream, bytes } => {
            let length = bytes.len();
            match stream {
                0 => half.data_bytes(bytes).await?,
                _ => half.extended_data_bytes(STDERR, bytes).await?,
            }
            hall.lock().outbox.taken(half.id().number(), length);
            hall.wake.notify_one();
            Ok(())
        }
        ToClient::Text(text) => half.data_bytes(text.into_bytes()).await,
        ToClient::Notice(text) if pty => {
            half.data_bytes(format!("\r\n[dinlock] {text}\r\n").into_bytes()).await
        }
        // The carriage return does no harm where there is no terminal in raw mode.
        ToClient::Notice(text) | ToClient::Line(text) => {
            half.extended_data_bytes(STDERR, format!("dinlock: {text}\r\n").into_bytes()).await
        }
        ToClient::Eof => half.eof().await,
        ToClient::Exit(status) => half.exit_status(status).await,
        ToClient::ExitSignal(name, core, message) => handle
            .exit_signal_request(half.id(), signal(&name), core, message, String::new())
            .await
            .map_err(|()| russh::Error::SendError),
        ToClient::Close => half.close().await,
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
