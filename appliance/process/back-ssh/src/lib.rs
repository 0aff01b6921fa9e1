//! The machine's end of SSH: it logs in with a credential that the operator never sees, to a host
//! key that is pinned, and turns a session's typed messages into channels on the machine.
//!
//! It must never log in to a machine whose key is not pinned, never use an old algorithm that the
//! plant file does not name for this target, and never accept a channel that the machine opens.
//! Proof: the tests of `start` here, `tests/outbox.rs` of `seqpacket-tokio` for the queues.

mod channel;
mod fail;
mod handler;
mod start;
mod yard;

pub use start::{Prepared, config, preferred, prepare};

use border::machine::Event;
use border::secrets::Kind;
use border::work::Down;
use fail::Failure;
use handler::Back;
use russh::client::{Handle, KeyboardInteractiveAuthResponse};
use russh::keys::{HashAlg, PrivateKey, PrivateKeyWithHashAlg};
use seqpacket_tokio::{Buffer, Link, gate};
use start::Credential;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use yard::Yard;

/// How long version and key exchange may take.
const KEY_EXCHANGE_LIMIT: Duration = Duration::from_secs(15);
/// How long the login may take.
const LOGIN_LIMIT: Duration = Duration::from_secs(15);
/// A machine that is silent for so long, keep-alives unanswered, is gone.
const SILENCE_LIMIT: Duration = Duration::from_secs(100);
/// How long the last messages may take to reach the mediator.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// Serves the one session to its end; why it ended otherwise is one line on standard error.
pub fn serve(prepared: Prepared) -> ExitCode {
    match serve_one(prepared) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("back-ssh: {}", why.replace('\n', " "));
            ExitCode::FAILURE
        }
    }
}

fn serve_one(prepared: Prepared) -> Result<(), String> {
    let Prepared { runtime, control, stream, connection, config, setup, credential } = prepared;
    runtime.block_on(async move {
        let say = |what: &str, error: std::io::Error| format!("{what}: {error}");
        let control = Link::new(control).map_err(|error| say("broker's socket", error))?;
        let link = Link::new(stream).map_err(|error| say("mediator's socket", error))?;
        let tcp = tokio::net::TcpStream::from_std(connection)
            .map_err(|error| say("machine's connection", error))?;
        let (tcp, throttle) = gate(tcp);
        let yard = Arc::new(Yard::new(control, link, throttle, setup));
        let connecting = russh::client::connect_stream(config, tcp, Back::new(Arc::clone(&yard)));
        let connected = tokio::time::timeout(KEY_EXCHANGE_LIMIT, connecting).await;
        let mut handle = match connected {
            Ok(Ok(handle)) => handle,
            Ok(Err(error)) => return failed(&yard, fail::exchange(&yard, &error)).await,
            Err(_) => return failed(&yard, fail::exchange_hung()).await,
        };
        let login = tokio::time::timeout(LOGIN_LIMIT, log_in(&yard, &mut handle, credential));
        match login.await {
            Ok(Ok(())) => {}
            Ok(Err(failure)) => return failed(&yard, failure).await,
            Err(_) => return failed(&yard, fail::login_hung()).await,
        }
        yard.control.send(&Event::Ready).await.map_err(|error| say("broker's socket", error))?;
        work(yard, Arc::new(handle)).await
    })
}

async fn failed(yard: &Yard, failure: Failure) -> Result<(), String> {
    yard.control.send(&failure.event()).await.map_err(|error| format!("broker's socket: {error}"))
}

async fn log_in(
    yard: &Yard,
    handle: &mut Handle<Back>,
    credential: Option<Credential>,
) -> Result<(), Failure> {
    let Some(Credential { user, kind, secret }) = credential else {
        return Err(fail::no_credential(yard));
    };
    let entered = match kind {
        Kind::Password => {
            let password = String::from_utf8(secret).map_err(|_| fail::bad_secret(yard))?;
            let first = handle.authenticate_password(user.as_str(), password.as_str()).await;
            if first.map_err(|error| fail::login_broke(&error))?.success() {
                true
            } else {
                asked(handle, &user, password).await?
            }
        }
        Kind::Key => {
            let key = PrivateKey::from_openssh(&secret).map_err(|_| fail::bad_secret(yard))?;
            let hash = if key.algorithm().is_rsa() {
                handle.best_supported_rsa_hash().await.ok().flatten().unwrap_or(Some(HashAlg::Sha512))
            } else {
                None
            };
            let key = PrivateKeyWithHashAlg::new(Arc::new(key), hash);
            let result = handle.authenticate_publickey(user.as_str(), key).await;
            result.map_err(|error| fail::login_broke(&error))?.success()
        }
    };
    if entered { Ok(()) } else { Err(fail::rejected(yard, &user)) }
}

/// Some machines take a password only as the answer to a question.
async fn asked(handle: &mut Handle<Back>, user: &str, password: String) -> Result<bool, Failure> {
    let broke = |error: russh::Error| fail::login_broke(&error);
    let mut answer =
        handle.authenticate_keyboard_interactive_start(user, None).await.map_err(broke)?;
    let mut given = false;
    loop {
        match answer {
            KeyboardInteractiveAuthResponse::Success => return Ok(true),
            KeyboardInteractiveAuthResponse::Failure { .. } => return Ok(false),
            KeyboardInteractiveAuthResponse::InfoRequest { prompts, .. } => {
                let answers = match prompts.as_slice() {
                    [] => Vec::new(),
                    // Only a hidden answer, and only once, may be the password.
                    [prompt] if !prompt.echo && !given => {
                        given = true;
                        vec![password.clone()]
                    }
                    _ => return Ok(false),
                };
                let next = handle.authenticate_keyboard_interactive_respond(answers).await;
                answer = next.map_err(broke)?;
            }
        }
    }
}

/// The live session, until either side is gone.
async fn work(yard: Arc<Yard>, handle: Arc<Handle<Back>>) -> Result<(), String> {
    let sending = tokio::spawn(yard::send(Arc::clone(&yard)));
    let mut buffer = Buffer::default();
    let mut tick = tokio::time::interval(Duration::from_secs(10));
    let result = loop {
        tokio::select! {
            received = yard.link.recv::<Down>(&mut buffer) => match received {
                Ok(Some((message, _))) => {
                    if let Err(why) = channel::deliver(&yard, &handle, message) {
                        break Err(format!("the mediator broke its border: {why}"));
                    }
                }
                Ok(None) => break Ok(()),
                Err(error) => break Err(format!("the mediator broke its border: {error}")),
            },
            () = yard.gone.notified() => break last_words(&yard).await,
            _ = tick.tick() => {
                if yard.throttle.silent_for() > SILENCE_LIMIT {
                    break last_words(&yard).await;
                }
            }
        }
    };
    let bye = handle.disconnect(russh::Disconnect::ByApplication, "session ended", "");
    drop(tokio::time::timeout(Duration::from_secs(1), bye).await);
    // The library writes the disconnect on its own task.
    tokio::time::sleep(Duration::from_millis(20)).await;
    sending.abort();
    result
}

/// The machine is gone: every channel closes, in order behind its last output.
async fn last_words(yard: &Yard) -> Result<(), String> {
    yard.close_all();
    let begun = tokio::time::Instant::now();
    while !yard.lock().outbox.is_empty() && begun.elapsed() < LAST_WORDS {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}
