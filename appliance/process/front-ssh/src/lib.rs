//! The operator's end of SSH: it ends the protocol, lets the box's login decide, and turns the
//! operator's channels into the typed messages of a session.
//!
//! It must never open anything, never forward anything but shells and commands, never say anything
//! about a target before login, and never let one stuck channel stop the others' output. Proof:
//! the tests of `name` and `menu` here, `tests/outbox.rs` of `seqpacket-tokio` for the queues.

mod client;
mod guide;
mod hall;
mod handler;
mod login;
pub mod menu;
pub mod name;
mod relay;
mod start;

pub use start::{Prepared, config, prepare};

use hall::{Access, Hall};
use handler::Front;
use login::Login;
use russh::server::Handle;
use seqpacket_tokio::{Link, gate};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;

/// How long a login may take.
const LOGIN_LIMIT: Duration = Duration::from_secs(30);
/// How long the last words may take to reach the client.
const LAST_WORDS: Duration = Duration::from_secs(2);
/// How long a client may keep its connection once all its channels are closed.
const CLIENT_LEAVES: Duration = Duration::from_secs(2);
/// How long to wait for a first channel that can be told why there is no session.
const FIRST_CHANNEL: Duration = Duration::from_secs(5);

/// Serves the one connection to its end; why it ended otherwise is one line on standard error.
pub fn serve(prepared: Prepared) -> ExitCode {
    match serve_one(prepared) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("front-ssh: {}", why.replace('\n', " "));
            ExitCode::FAILURE
        }
    }
}

fn serve_one(prepared: Prepared) -> Result<(), String> {
    let Prepared { runtime, control, secrets, connection, config, banner } = prepared;
    runtime.block_on(async move {
        let say = |what: &str, error: std::io::Error| format!("{what}: {error}");
        let control = Link::new(control).map_err(|error| say("broker's socket", error))?;
        let secrets = Link::new(secrets).map_err(|error| say("vault's socket", error))?;
        let stream = tokio::net::TcpStream::from_std(connection)
            .map_err(|error| say("operator's connection", error))?;
        let (stream, throttle) = gate(stream);
        let hall = Arc::new(Hall::new(control, secrets, throttle));
        let (answered, answers) = mpsc::unbounded_channel();
        let mut broker = tokio::spawn(relay::broker(Arc::clone(&hall), answered));
        let front = Front::new(Arc::clone(&hall), Login::new(Arc::clone(&hall), answers), banner);
        let starting = russh::server::run_stream(config, stream, front);
        let begun = tokio::time::Instant::now();
        // A client that never says its version is as quiet here as one that says nonsense.
        let Ok(Ok(session)) = tokio::time::timeout(LOGIN_LIMIT, starting).await else { return Ok(()) };
        let handle = session.handle();
        tokio::pin!(session);
        let mut login = Some(Box::pin(tokio::time::sleep_until(begun + LOGIN_LIMIT)));
        let mut broker_lives = true;
        loop {
            tokio::select! {
                // Errors of the protocol are the client's own doing.
                _ = &mut session => return Ok(()),
                () = hall.over.notified() => break,
                () = hall.known.notified() => login = None,
                () = async { login.as_mut().expect("guarded").await }, if login.is_some() => return Ok(()),
                ended = &mut broker, if broker_lives => {
                    broker_lives = false;
                    broker_ended(&hall, ended)?;
                }
            }
        }
        last_words(&hall).await;
        // A client whose channels are all closed goes by itself. It is not told to: OpenSSH's leaves
        // at that word without showing what it still holds, the very line that says why.
        if tokio::time::timeout(CLIENT_LEAVES, &mut session).await.is_err() {
            disconnect(&hall, &handle).await;
            drop(tokio::time::timeout(Duration::from_secs(1), session).await);
        }
        Ok(())
    })
}

fn broker_ended(
    hall: &Hall,
    ended: Result<Result<(), relay::Fault>, tokio::task::JoinError>,
) -> Result<(), String> {
    match ended {
        Ok(Ok(())) => {}
        Ok(Err(fault)) => return Err(format!("the broker broke its border: {fault}")),
        Err(panic) => return Err(format!("the broker's reader: {panic}")),
    }
    let access = hall.lock().access.clone();
    match access {
        Access::Nobody => Err("the broker is gone before login".to_owned()),
        Access::Choosing | Access::Asked(_) => {
            hall.end("the box's broker is gone; try again in a moment");
            Ok(())
        }
        // The mediator keeps the session's terms without a broker.
        Access::Live | Access::Over(_) => Ok(()),
    }
}

/// Lets the writers finish, within limits.
async fn last_words(hall: &Hall) {
    hall.throttle.resume();
    let begun = tokio::time::Instant::now();
    loop {
        let (started, writing) = {
            let state = hall.lock();
            (state.started, state.writers.iter().any(|writer| !writer.is_finished()))
        };
        let limit = if started { LAST_WORDS } else { FIRST_CHANNEL };
        if (started && !writing) || begun.elapsed() > limit {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Tells a client to go that keeps its connection without a channel.
async fn disconnect(hall: &Hall, handle: &Handle) {
    let text = match &hall.lock().access {
        Access::Over(text) => text.clone(),
        Access::Nobody | Access::Choosing | Access::Asked(_) | Access::Live => String::new(),
    };
    let disconnect = handle.disconnect(russh::Disconnect::ByApplication, text, String::new());
    drop(tokio::time::timeout(Duration::from_secs(1), disconnect).await);
}
