//! The machine's side: a model of `back-ssh` with a machine behind it.

use crate::fd::Kind;
use crate::parts::broker::Peer;
use crate::parts::session::Mail;
use crate::world::{Part, SECOND, World};
use border::launcher::Part as Worker;
use border::machine::{Event, Order, Step};
use border::work::{CREDIT_AT_OPEN, Down, Up};
use broker::core::{Endpoint, Input};
use codec::{Bytes, Text};
use std::collections::{BTreeMap, VecDeque};

/// How far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Stage {
    #[default]
    Start,
    KeyExchange,
    Login,
    Live,
}

/// One channel, seen from here.
struct Chan {
    opened: bool,
    /// What may still be sent up.
    credit: u32,
    /// What came and was not given back.
    got: u32,
    eof: bool,
    pty: bool,
}

#[derive(Default)]
pub(crate) struct Back {
    setup: bool,
    credential: Option<bool>,
    connection: Option<bool>,
    /// Its control socket was closed before it read its order.
    control_closed: bool,
    orders: VecDeque<Order>,
    stage: Stage,
    act_at_us: u64,
    channels: BTreeMap<u32, Chan>,
    pub crash_in: Option<u64>,
    pub liar: bool,
    /// How the machine behaves: 0 to 15.
    pub luck: u64,
}

impl World {
    fn back_mut(&mut self, session: u64) -> Option<&mut Back> {
        self.sessions.get_mut(&session)?.back.as_mut()
    }

    pub fn tell_back(&mut self, session: u64, order: Order) {
        if let Some(back) = self.back_mut(session) {
            back.orders.push_back(order);
            self.wake(Part::Back(session));
        }
    }

    pub fn back_gets_connection(&mut self, session: u64) {
        if let Some(back) = self.back_mut(session) {
            back.connection = Some(true);
            self.wake(Part::Back(session));
        }
    }

    /// The vault's answer on its secrets socket.
    pub fn back_gets_credential(&mut self, session: u64) {
        if let Some(back) = self.back_mut(session) {
            back.credential = Some(true);
            self.wake(Part::Back(session));
        }
    }

    pub fn back_hears_close(&mut self, session: u64, kind: Kind) {
        let Some(back) = self.back_mut(session) else { return };
        match kind {
            Kind::BackControl(_) => back.control_closed = true,
            Kind::BackSecrets(_) => back.credential = back.credential.or(Some(false)),
            Kind::BackHandover(_) => back.connection = back.connection.or(Some(false)),
            Kind::FrontControl(_) | Kind::FrontHandover(_) | Kind::FrontSecrets(_) | Kind::FrontKill(_) => {}
            Kind::MediatorControl(_) | Kind::Record(_) | Kind::Stream(_) | Kind::SessionKill(_) | Kind::SessionEvents(_) | Kind::Lifeline => {}
            Kind::Observer(_) => {}
        }
        self.wake(Part::Back(session));
    }

    fn back_says(&mut self, session: u64, event: Event) {
        if let Event::Failed { step, .. } = &event {
            self.saw_failed(session, *step);
        }
        self.tell_broker(Peer::Worker(Endpoint::Back(session)), Input::Back(session, event));
    }

    fn back_sends(&mut self, session: u64, up: &Up) {
        self.back_sends_bytes(session, codec::encode(up));
    }

    fn back_sends_bytes(&mut self, session: u64, bytes: Vec<u8>) {
        let Some(found) = self.sessions.get_mut(&session) else { return };
        let Some(back) = found.back.as_mut() else { return };
        if let Some(left) = back.crash_in.as_mut() {
            if *left == 0 {
                self.note(format!("the back of session {session} crashes"));
                return self.back_dies(session, 256 + 6);
            }
            *left -= 1;
        }
        found.from_back.push_back(Mail::Message(bytes));
        self.wake(Part::Mediator(session));
    }

    pub fn back_dies(&mut self, session: u64, status: u32) {
        let Some(found) = self.sessions.get_mut(&session) else { return };
        if found.back.take().is_none() {
            return;
        }
        found.from_back.push_back(Mail::Closed);
        self.wake(Part::Mediator(session));
        self.process_ended(Endpoint::Back(session), session, Worker::BackSsh, status);
    }

    pub fn back_turn(&mut self, session: u64) {
        let Some(back) = self.back_mut(session) else { return };
        match back.stage {
            Stage::Start => self.back_starts(session),
            Stage::KeyExchange | Stage::Login => self.back_connects(session),
            Stage::Live => self.back_works(session),
        }
        let now = self.now_us;
        if let Some(back) = self.back_mut(session)
            && back.stage != Stage::Start
            && back.act_at_us > now
        {
            let at = back.act_at_us;
            self.wake_at(Part::Back(session), at);
        }
    }

    /// In the order of the real one: its order, its credential, its connection.
    fn back_starts(&mut self, session: u64) {
        let after = self.random.below(400_000);
        let now = self.now_us;
        let Some(back) = self.back_mut(session) else { return };
        back.setup |= back.orders.pop_front().is_some();
        if !back.setup {
            if back.control_closed {
                self.back_dies(session, 1);
            }
            return;
        }
        match (back.credential, back.connection) {
            (None, _) | (Some(_), None) => {}
            (Some(_), Some(false)) => self.back_dies(session, 1),
            (Some(_), Some(true)) => {
                back.stage = Stage::KeyExchange;
                back.act_at_us = now + after;
            }
        }
    }

    fn fails(&mut self, session: u64, step: Step, cause: &str) {
        let (cause, mend) = (Text::cut(cause), Text::cut("look at it"));
        self.back_says(session, Event::Failed { step, cause, mend });
        self.back_dies(session, 0);
    }

    fn back_connects(&mut self, session: u64) {
        let (now, after) = (self.now_us, self.random.below(300_000));
        let Some(back) = self.back_mut(session) else { return };
        if back.act_at_us > now {
            return;
        }
        if back.liar && back.luck < 4 {
            // Ready before the host key: out of turn.
            return self.back_says(session, Event::Ready);
        }
        let (luck, credential) = (back.luck, back.credential == Some(true));
        if back.stage == Stage::KeyExchange {
            back.act_at_us = now + if luck == 0 { 15 * SECOND } else { after };
            back.stage = Stage::Login;
            if luck == 0 {
                return;
            }
            let (key, fingerprint) = (Text::cut("ssh-ed25519 AAAA"), Text::cut("SHA256:x"));
            let pinned = luck != 1;
            self.back_says(session, Event::HostKeySeen { key, fingerprint, pinned });
            if !pinned {
                self.fails(session, Step::HostKey, "it is not pinned");
            }
            return;
        }
        match luck {
            0 => self.fails(session, Step::KeyExchange, "the machine hangs"),
            2 => self.fails(session, Step::Login, "the machine refuses the login"),
            _ if !credential => self.fails(session, Step::Login, "there is no credential"),
            _ => {
                back.stage = Stage::Live;
                self.back_says(session, Event::Ready);
                self.wake(Part::Back(session));
            }
        }
    }

    fn back_works(&mut self, session: u64) {
        while let Some(mail) = self.sessions.get_mut(&session).and_then(|s| s.to_back.pop_front()) {
            let message = match mail {
                // The mediator is gone, and so is the machine's connection.
                Mail::Closed => return self.back_dies(session, 0),
                Mail::Message(message) => message,
            };
            match codec::decode::<Down>(&message) {
                Ok(down) => self.back_takes(session, down),
                Err(error) => self.accused(session, &format!("broker or mediator sent the back nonsense: {error}")),
            }
            if self.back_mut(session).is_none() {
                return;
            }
        }
        let now = self.now_us;
        let due = self.back_mut(session).is_some_and(|back| back.act_at_us <= now);
        if due {
            self.machine_acts(session);
        }
    }

    fn back_takes(&mut self, session: u64, down: Down) {
        let luck = self.random.below(40);
        let Some(back) = self.back_mut(session) else { return };
        match down {
            Down::Open { channel, pty, command: _, variables: _ } => {
                if luck == 0 {
                    return self.back_sends(session, &Up::OpenFailed { channel, text: Text::cut("no more shells") });
                }
                let chan = Chan { opened: true, credit: CREDIT_AT_OPEN, got: 0, eof: false, pty: pty.is_some() };
                if back.channels.insert(channel, chan).is_some() {
                    self.accused(session, "the mediator opened a channel twice");
                }
                self.back_sends(session, &Up::Opened { channel });
            }
            Down::Data { channel, bytes } => {
                let Some(chan) = back.channels.get_mut(&channel) else { return };
                chan.got += u32::try_from(bytes.len()).expect("data is short");
                let (got, pty) = (chan.got, chan.pty);
                if got > CREDIT_AT_OPEN {
                    self.accused(session, "the mediator sent more than the machine's side can take");
                }
                if luck < 20 {
                    if let Some(chan) = back_chan(self.back_mut(session), channel) {
                        chan.got = 0;
                    }
                    self.back_sends(session, &Up::Credit { channel, bytes: got });
                }
                if pty && luck.is_multiple_of(2) {
                    self.machine_outputs(session, channel, bytes.to_vec());
                }
            }
            Down::Close { channel } => {
                if back.channels.remove(&channel).is_some() {
                    self.back_sends(session, &Up::Close { channel });
                }
            }
            Down::Credit { channel, bytes } => {
                if let Some(chan) = back.channels.get_mut(&channel) {
                    chan.credit += bytes;
                    if chan.credit > CREDIT_AT_OPEN {
                        self.accused(session, "the mediator gave more credit than was used");
                    }
                }
            }
            Down::Eof { channel } => {
                if luck < 30 && back.channels.contains_key(&channel) {
                    self.machine_exits(session, channel);
                }
            }
            Down::Resize { .. } | Down::Signal { .. } => {}
        }
    }

    fn machine_outputs(&mut self, session: u64, channel: u32, mut bytes: Vec<u8>) {
        let Some(chan) = back_chan(self.back_mut(session), channel) else { return };
        bytes.truncate(chan.credit as usize);
        if bytes.is_empty() || chan.eof || !chan.opened {
            return;
        }
        chan.credit -= u32::try_from(bytes.len()).expect("output is short");
        let bytes = Bytes::new(bytes).expect("output is short");
        self.back_sends(session, &Up::Data { channel, stream: 0, bytes });
    }

    fn machine_exits(&mut self, session: u64, channel: u32) {
        let Some(back) = self.back_mut(session) else { return };
        let Some(chan) = back.channels.remove(&channel) else { return };
        if !chan.eof {
            self.back_sends(session, &Up::Eof { channel });
        }
        self.back_sends(session, &Up::Exit { channel, status: 0 });
        self.back_sends(session, &Up::Close { channel });
    }

    /// What a machine does by itself.
    fn machine_acts(&mut self, session: u64) {
        let (now, pause) = (self.now_us, self.random.below(900_000));
        let (what, size) = (self.random.below(24), self.random.below(60));
        let Some(back) = self.back_mut(session) else { return };
        back.act_at_us = now + pause;
        let (liar, channel) = (back.liar, back.channels.keys().next_back().copied());
        if liar && what < 6 {
            self.note(format!("the back of session {session} lies"));
            let lie = match what {
                0 => codec::encode(&Up::Notice { text: Text::cut("all is well") }),
                1 => codec::encode(&Up::End { text: Text::cut("over") }),
                2 => vec![200, 1, 2],
                3 => codec::encode(&Up::Opened { channel: 77 }),
                4 => codec::encode(&Up::Credit { channel: channel.unwrap_or(9), bytes: u32::MAX }),
                _ => codec::encode(&Up::Exit { channel: channel.unwrap_or(9), status: 1 }),
            };
            return self.back_sends_bytes(session, lie);
        }
        match (what, channel) {
            (6, _) if pause < 200_000 => {
                self.note(format!("the machine of session {session} closes the connection"));
                self.back_dies(session, 0);
            }
            (7, Some(channel)) => self.machine_exits(session, channel),
            (8, Some(channel)) => self.machine_outputs(session, channel, vec![b'x'; 60_000]),
            (9, Some(channel)) => self.machine_outputs(session, channel, b"\x1b]52;c;eA==\x07".to_vec()),
            (10..=18, Some(channel)) => self.machine_outputs(session, channel, vec![b'o'; size as usize]),
            _ => {}
        }
    }
}

fn back_chan(back: Option<&mut Back>, channel: u32) -> Option<&mut Chan> {
    back?.channels.get_mut(&channel)
}
