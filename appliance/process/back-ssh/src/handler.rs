//! What the SSH library calls. A machine opens nothing: all such requests are refused by dropping
//! their reply.

use crate::yard::{Unpinned, Yard};
use border::machine::Event;
use border::work::Up;
use border::{KeyLine, Line, Name};
use codec::Text;
use russh::client::{ChannelOpenHandle, DisconnectReason, Handler, Msg, Session};
use russh::keys::{HashAlg, PublicKey, PublicKeyOrCertificate};
use russh::{Channel, ChannelId, Sig};
use std::sync::Arc;

/// The handler of one connection.
pub struct Back {
    yard: Arc<Yard>,
}

impl Back {
    /// Before the machine spoke.
    pub fn new(yard: Arc<Yard>) -> Self {
        Self { yard }
    }
}

fn prints(keys: &[PublicKey]) -> String {
    let prints: Vec<String> =
        keys.iter().map(|key| key.fingerprint(HashAlg::Sha256).to_string()).collect();
    if prints.is_empty() { "nothing".to_owned() } else { prints.join(", ") }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "the library's own list, open-ended")]
fn signal_name(signal: &Sig) -> Name {
    match signal {
        Sig::Custom(name) => Name::cut(name.as_str()),
        // The names of RFC 4254 6.10 are the variants' own.
        named => Name::cut(format!("{named:?}")),
    }
}

impl Handler for Back {
    type Error = russh::Error;

    async fn check_server_key(
        &mut self,
        shown: &PublicKeyOrCertificate,
    ) -> Result<bool, Self::Error> {
        // Certificates are not asked for: only keys can be pinned.
        let PublicKeyOrCertificate::PublicKey { key, .. } = shown else { return Ok(false) };
        let mut key = key.clone();
        key.set_comment("");
        let pins = &self.yard.setup.pins;
        let pinned = pins.iter().any(|pin| pin.key_data() == key.key_data());
        let fingerprint = key.fingerprint(HashAlg::Sha256).to_string();
        let line = key.to_openssh().ok().and_then(|line| KeyLine::new(line.trim_end()).ok());
        let Some(line) = line else { return Ok(false) };
        if !pinned {
            let cause = format!("the machine shows host key {fingerprint}; pinned is {}", prints(pins));
            self.yard.lock().unpinned = Some(Unpinned { key: line.clone(), cause });
        }
        let event = Event::HostKeySeen { key: line, fingerprint: Text::cut(fingerprint), pinned };
        self.yard.control.send(&event).await?;
        Ok(pinned)
    }

    async fn data(&mut self, id: ChannelId, data: &[u8], _: &mut Session) -> Result<(), Self::Error> {
        self.yard.output(id.number(), 0, data);
        Ok(())
    }

    async fn extended_data(
        &mut self,
        id: ChannelId,
        _: u32,
        data: &[u8],
        _: &mut Session,
    ) -> Result<(), Self::Error> {
        self.yard.output(id.number(), 1, data);
        Ok(())
    }

    async fn channel_eof(&mut self, id: ChannelId, _: &mut Session) -> Result<(), Self::Error> {
        self.yard.say(id.number(), |channel| Up::Eof { channel });
        Ok(())
    }

    async fn exit_status(
        &mut self,
        id: ChannelId,
        status: u32,
        _: &mut Session,
    ) -> Result<(), Self::Error> {
        self.yard.say(id.number(), |channel| Up::Exit { channel, status });
        Ok(())
    }

    async fn exit_signal(
        &mut self,
        id: ChannelId,
        signal: Sig,
        core: bool,
        message: &str,
        _: &str,
        _: &mut Session,
    ) -> Result<(), Self::Error> {
        let (name, message) = (signal_name(&signal), Line::cut(message));
        self.yard.say(id.number(), |channel| Up::ExitSignal { channel, name, core, message });
        Ok(())
    }

    async fn channel_close(&mut self, id: ChannelId, _: &mut Session) -> Result<(), Self::Error> {
        self.yard.closed(id.number());
        Ok(())
    }

    async fn disconnected(
        &mut self,
        reason: DisconnectReason<Self::Error>,
    ) -> Result<(), Self::Error> {
        self.yard.gone.notify_one();
        match reason {
            DisconnectReason::ReceivedDisconnect(_) => Ok(()),
            DisconnectReason::Error(error) => Err(error),
        }
    }

    async fn server_channel_open_forwarded_tcpip(
        &mut self,
        _: Channel<Msg>,
        _: &str,
        _: u32,
        _: &str,
        _: u32,
        _: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), Self::Error> {
        Ok(())
    }

    async fn server_channel_open_forwarded_streamlocal(
        &mut self,
        _: Channel<Msg>,
        _: &str,
        _: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), Self::Error> {
        Ok(())
    }

    async fn server_channel_open_agent_forward(
        &mut self,
        _: Channel<Msg>,
        _: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), Self::Error> {
        Ok(())
    }

    async fn server_channel_open_session(
        &mut self,
        _: Channel<Msg>,
        _: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), Self::Error> {
        Ok(())
    }

    async fn server_channel_open_direct_tcpip(
        &mut self,
        _: Channel<Msg>,
        _: &str,
        _: u32,
        _: &str,
        _: u32,
        _: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), Self::Error> {
        Ok(())
    }

    async fn server_channel_open_direct_streamlocal(
        &mut self,
        _: Channel<Msg>,
        _: &str,
        _: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), Self::Error> {
        Ok(())
    }

    async fn server_channel_open_x11(
        &mut self,
        _: Channel<Msg>,
        _: &str,
        _: u32,
        _: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), Self::Error> {
        Ok(())
    }
}
