//! What the SSH library calls, and what becomes of it.

use crate::client::STDERR;
use crate::hall::{Access, Chan, Hall, ToClient, finish, never, tell};
use crate::login::Login;
use crate::relay::INPUT_LOW;
use crate::{client, guide};
use border::Name;
use border::work::{Down, Mode, Variable};
use codec::{List, Text};
use russh::server::{
    Auth, ChannelOpenHandle, Handler, Msg, PublicKeyOffer, Response, Session, VerifiedPublicKey,
};
use russh::{Channel, ChannelId, ChannelOpenFailure, Pty, Sig};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;

/// The window of a channel, in bytes.
pub const WINDOW: u32 = 2 * 1024 * 1024;
/// The window of a channel whose input does not drain: the least that lets the library ask again.
const WINDOW_STUCK: u32 = 2;
/// How long the network stays unread when such a channel sent its two bytes.
const STUCK_PAUSE: Duration = Duration::from_millis(20);
/// SSH_OPEN_ADMINISTRATIVELY_PROHIBITED (RFC 4254 5.1).
const ADMINISTRATIVELY_PROHIBITED: u32 = 1;
/// Locale variables that one channel may set.
const VARIABLES_MAX: usize = 16;

/// The handler of one connection.
pub struct Front {
    hall: Arc<Hall>,
    login: Login,
    banner: String,
}

impl Front {
    /// A connection before its login.
    pub fn new(hall: Arc<Hall>, login: Login, banner: String) -> Self {
        Self { hall, login, banner }
    }

    /// A shell (no command) or a command was asked for.
    fn start(&self, number: u32, command: Option<Text<32768>>) -> bool {
        let mut state = self.hall.lock();
        state.started = true;
        let access = state.access.clone();
        let refusals = std::mem::take(&mut state.refusals);
        let Some(chan) = state.channels.get_mut(&number).filter(|chan| !chan.started) else {
            return false;
        };
        chan.started = true;
        for line in refusals {
            tell(chan, ToClient::Line(line));
        }
        match access {
            Access::Nobody => return false,
            Access::Over(text) => {
                tell(chan, ToClient::Line(text));
                finish(chan);
                state.channels.remove(&number);
            }
            Access::Choosing => {
                let (typed, typing) = mpsc::unbounded_channel();
                let guided = guide::Guided { number, shell: command.is_none(), typing };
                if command.is_none() {
                    chan.menu = Some(typed);
                }
                tokio::spawn(guide::guide(Arc::clone(&self.hall), guided));
            }
            Access::Asked(_) | Access::Live => {
                if let Access::Asked(Some(text)) = access {
                    tell(chan, ToClient::Notice(text));
                }
                let open = open_message(number, chan, command);
                state.outbox.open(number);
                state.outbox.say(number, open);
                self.hall.wake.notify_one();
            }
        }
        true
    }

    /// Answers what a channel was opened for with a line and an end. It is not a failure reply: OpenSSH's
    /// client throws away what a channel said just before one.
    async fn turn_away(&self, channel: ChannelId, session: &mut Session, what: &str) -> Result<(), russh::Error> {
        self.hall.refuse(what).await;
        let mut state = self.hall.lock();
        if state.channels.get(&channel.number()).is_none_or(|chan| chan.started) {
            return session.channel_failure(channel);
        }
        state.started = true;
        if let Some(chan) = state.channels.remove(&channel.number()) {
            tell(&chan, ToClient::Line(never(what)));
            finish(&chan);
        }
        session.channel_success(channel)
    }
}

/// The opening of a channel, as the operator's client described it.
pub fn open_message(number: u32, chan: &Chan, command: Option<Text<32768>>) -> Down {
    let variables = List::new(chan.variables.clone()).expect("held to VARIABLES_MAX");
    Down::Open { channel: number, pty: chan.pty.clone(), command, variables }
}

fn signal_name(signal: &Sig) -> Option<Name> {
    let name = match signal {
        Sig::ABRT => "ABRT",
        Sig::ALRM => "ALRM",
        Sig::FPE => "FPE",
        Sig::HUP => "HUP",
        Sig::ILL => "ILL",
        Sig::INT => "INT",
        Sig::KILL => "KILL",
        Sig::PIPE => "PIPE",
        Sig::QUIT => "QUIT",
        Sig::SEGV => "SEGV",
        Sig::TERM => "TERM",
        Sig::USR1 => "USR1",
        Sig::Custom(name) => name,
    };
    Name::new(name).ok()
}

fn size(length: u32) -> u16 {
    u16::try_from(length).unwrap_or(u16::MAX)
}

/// A channel that is not opened says why in its own answer.
async fn prohibited(hall: &Hall, reply: ChannelOpenHandle, what: &str) {
    hall.refuse(what).await;
    let reason = format!("dinlock: {}", never(what));
    reply.reject(ChannelOpenFailure::Other { code: ADMINISTRATIVELY_PROHIBITED, reason }).await;
}

/// A channel's request that is refused: its answer has no words, so the channel says them, first.
async fn unanswered(hall: &Hall, channel: ChannelId, session: &mut Session, what: &str) -> Result<(), russh::Error> {
    hall.refuse(what).await;
    session.extended_data(channel, STDERR, format!("dinlock: {}\r\n", never(what)).into_bytes())
}

/// Whether this is the far side of `scp -O`: files, by another name.
fn is_scp(command: &str) -> bool {
    let mut words = command.split_ascii_whitespace();
    let program = words.next().unwrap_or_default().rsplit('/').next();
    let side = |option: &str| option.starts_with('-') && option.contains(['t', 'f']);
    program == Some("scp") && words.take_while(|word| word.starts_with('-')).any(side)
}

impl Handler for Front {
    type Error = russh::Error;

    async fn authentication_banner(&mut self) -> Result<Option<String>, Self::Error> {
        let banner = std::mem::take(&mut self.banner);
        Ok(if banner.is_empty() { None } else { Some(banner) })
    }

    async fn auth_publickey_offered(
        &mut self,
        user: &str,
        offer: PublicKeyOffer<'_>,
    ) -> Result<Auth, Self::Error> {
        Ok(self.login.offered(user, offer.public_key).await)
    }

    async fn auth_publickey(
        &mut self,
        user: &str,
        key: VerifiedPublicKey<'_>,
    ) -> Result<Auth, Self::Error> {
        Ok(self.login.signed(user, key.public_key).await)
    }

    async fn auth_keyboard_interactive<'a>(
        &'a mut self,
        user: &str,
        _submethods: &str,
        response: Option<Response<'a>>,
    ) -> Result<Auth, Self::Error> {
        Ok(self.login.typed(user, response).await)
    }

    async fn auth_succeeded(&mut self, _session: &mut Session) -> Result<(), Self::Error> {
        let name = self.login.accepted().ok_or(russh::Error::NotAuthenticated)?;
        guide::enter(&self.hall, name.wish).await;
        Ok(())
    }

    async fn channel_open_session(
        &mut self,
        channel: Channel<Msg>,
        reply: ChannelOpenHandle,
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        if !self.hall.has_room() {
            reply.reject(ChannelOpenFailure::ResourceShortage).await;
            return Ok(());
        }
        let number = channel.id().number();
        // Input comes through the callbacks below: the library waits for a reader of its own queue,
        // and would stop the whole connection for one channel.
        let (_, half) = channel.split();
        let (out, queue) = mpsc::unbounded_channel();
        let writer = client::write(Arc::clone(&self.hall), session.handle(), half, queue);
        let writer = tokio::spawn(writer);
        let chan = Chan {
            out,
            writer: writer.abort_handle(),
            pty: None,
            variables: Vec::new(),
            started: false,
            status: false,
            menu: None,
        };
        {
            let mut state = self.hall.lock();
            state.writers.retain(|writer| !writer.is_finished());
            state.writers.push(writer);
            state.channels.insert(number, chan);
        }
        reply.accept().await;
        Ok(())
    }

    async fn pty_request(
        &mut self,
        channel: ChannelId,
        term: &str,
        cols: u32,
        rows: u32,
        _: u32,
        _: u32,
        modes: &[(Pty, u32)],
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        let modes: Vec<Mode> = modes
            .iter()
            .filter(|(code, _)| *code != Pty::TTY_OP_END)
            .take(128)
            .map(|&(code, value)| Mode { opcode: code as u8, value })
            .collect();
        let pty = border::work::Pty {
            term: Text::cut(term),
            cols: size(cols),
            rows: size(rows),
            modes: List::new(modes).expect("at most 128 were taken"),
        };
        let mut state = self.hall.lock();
        let taken = match state.channels.get_mut(&channel.number()).filter(|chan| !chan.started) {
            Some(chan) => chan.pty.replace(pty).is_none(),
            None => false,
        };
        drop(state);
        if taken { session.channel_success(channel) } else { session.channel_failure(channel) }
    }

    async fn env_request(
        &mut self,
        channel: ChannelId,
        name: &str,
        value: &str,
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        let locale = name == "LANG" || name.starts_with("LC_");
        let variable = Text::new(name).ok().zip(Text::new(value).ok()).filter(|_| locale);
        let mut state = self.hall.lock();
        let chan = state.channels.get_mut(&channel.number());
        let room = chan.filter(|chan| !chan.started && chan.variables.len() < VARIABLES_MAX);
        let taken = match room.zip(variable) {
            Some((chan, (name, value))) => {
                chan.variables.push(Variable { name, value });
                true
            }
            None => false,
        };
        drop(state);
        if taken { session.channel_success(channel) } else { session.channel_failure(channel) }
    }

    async fn shell_request(
        &mut self,
        channel: ChannelId,
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        if self.start(channel.number(), None) {
            session.channel_success(channel)
        } else {
            session.channel_failure(channel)
        }
    }

    async fn exec_request(
        &mut self,
        channel: ChannelId,
        command: &[u8],
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        let command = String::from_utf8(command.to_vec()).ok();
        let command = command.and_then(|command| Text::new(command).ok());
        let refused = match command {
            Some(command) if !is_scp(&command) => {
                let started = self.start(channel.number(), Some(command));
                return if started { session.channel_success(channel) } else { session.channel_failure(channel) };
            }
            Some(_) => "file transfer (scp)",
            None => "a command that is not UTF-8 or too long",
        };
        self.turn_away(channel, session, refused).await
    }

    async fn subsystem_request(
        &mut self,
        channel: ChannelId,
        name: &str,
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        self.turn_away(channel, session, if name == "sftp" { "file transfer (sftp)" } else { "an SSH subsystem" }).await
    }

    async fn x11_request(
        &mut self,
        channel: ChannelId,
        _: bool,
        _: &str,
        _: &str,
        _: u32,
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        unanswered(&self.hall, channel, session, "X11 forwarding").await?;
        session.channel_failure(channel)
    }

    async fn agent_request(
        &mut self,
        channel: ChannelId,
        session: &mut Session,
    ) -> Result<bool, Self::Error> {
        unanswered(&self.hall, channel, session, "agent forwarding").await?;
        Ok(false)
    }

    async fn tcpip_forward(
        &mut self,
        _: &str,
        _: &mut u32,
        _: &mut Session,
    ) -> Result<bool, Self::Error> {
        self.hall.say_refused("remote port forwarding");
        self.hall.refuse("remote port forwarding").await;
        Ok(false)
    }

    async fn streamlocal_forward(
        &mut self,
        _: &str,
        _: &mut Session,
    ) -> Result<bool, Self::Error> {
        self.hall.say_refused("remote socket forwarding");
        self.hall.refuse("remote socket forwarding").await;
        Ok(false)
    }

    async fn channel_open_x11(
        &mut self,
        _: Channel<Msg>,
        _: &str,
        _: u32,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), Self::Error> {
        prohibited(&self.hall, reply, "X11 forwarding").await;
        Ok(())
    }

    async fn channel_open_direct_tcpip(
        &mut self,
        _: Channel<Msg>,
        _: &str,
        _: u32,
        _: &str,
        _: u32,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), Self::Error> {
        prohibited(&self.hall, reply, "port forwarding").await;
        Ok(())
    }

    async fn channel_open_forwarded_tcpip(
        &mut self,
        _: Channel<Msg>,
        _: &str,
        _: u32,
        _: &str,
        _: u32,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), Self::Error> {
        prohibited(&self.hall, reply, "remote port forwarding").await;
        Ok(())
    }

    async fn channel_open_direct_streamlocal(
        &mut self,
        _: Channel<Msg>,
        _: &str,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), Self::Error> {
        prohibited(&self.hall, reply, "socket forwarding").await;
        Ok(())
    }

    async fn data(
        &mut self,
        channel: ChannelId,
        data: &[u8],
        _: &mut Session,
    ) -> Result<(), Self::Error> {
        self.hall.input(channel.number(), data);
        Ok(())
    }

    async fn channel_eof(
        &mut self,
        channel: ChannelId,
        _: &mut Session,
    ) -> Result<(), Self::Error> {
        let channel = channel.number();
        self.hall.say(channel, Down::Eof { channel });
        Ok(())
    }

    async fn channel_close(
        &mut self,
        channel: ChannelId,
        _: &mut Session,
    ) -> Result<(), Self::Error> {
        self.hall.closed(channel.number());
        Ok(())
    }

    async fn window_change_request(
        &mut self,
        channel: ChannelId,
        cols: u32,
        rows: u32,
        _: u32,
        _: u32,
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        let number = channel.number();
        let (cols, rows) = (size(cols), size(rows));
        if let Some(pty) = self.hall.lock().channels.get_mut(&number).and_then(|c| c.pty.as_mut()) {
            (pty.cols, pty.rows) = (cols, rows);
        }
        self.hall.say(number, Down::Resize { channel: number, cols, rows });
        session.channel_success(channel)
    }

    async fn signal(
        &mut self,
        channel: ChannelId,
        signal: Sig,
        _: &mut Session,
    ) -> Result<(), Self::Error> {
        let channel = channel.number();
        if let Some(name) = signal_name(&signal) {
            self.hall.say(channel, Down::Signal { channel, name });
        }
        Ok(())
    }

    /// The next window that the library grants, on whichever channel needs one next. A channel whose
    /// input does not drain gets two bytes at a time and the network is left unread for a moment;
    /// the others' windows stay as they are.
    fn adjust_window(&mut self, channel: ChannelId, _current: u32) -> u32 {
        let state = self.hall.lock();
        let (own, fullest) = (state.outbox.waiting(channel.number()), state.outbox.fullest());
        drop(state);
        if own > 2 * INPUT_LOW {
            self.hall.throttle.pause_for(STUCK_PAUSE);
            WINDOW_STUCK
        } else if own <= INPUT_LOW && fullest < 8 * INPUT_LOW {
            WINDOW
        } else if fullest > 2 * INPUT_LOW {
            WINDOW_STUCK
        } else {
            WINDOW
        }
    }
}

#[cfg(test)]
mod tests {
    use super::is_scp;

    #[test]
    fn the_far_side_of_scp_is_known_and_no_other_command_is_taken_for_it() {
        for command in ["scp -t /tmp/x", "scp -v -f file", "/usr/bin/scp -rpt .", "scp -r -p -t -- x"] {
            assert!(is_scp(command), "{command}");
        }
        for command in ["scp a host:b", "scpx -t", "echo scp -t", "cat file", "scp", "scp file -t"] {
            assert!(!is_scp(command), "{command}");
        }
    }
}
