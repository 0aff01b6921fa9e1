//! The objects of the plant file.

use crate::{AccountId, ConduitId, Cutoff, PersonId, RoleId, SecretId, TargetId};
use codec::{List, Text, wire_enum, wire_struct};
use std::fmt;
use std::net::IpAddr;

wire_enum! {
    /// How a person proves who they are.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum Login {
        /// A key alone: what a front claims is believed (see THREATS).
        1 => Key,
        /// A key and a one-time code, which the vault checks. The default.
        2 => KeyTotp,
        /// A password and a one-time code, both checked in the vault.
        3 => PasswordTotp,
    }
}

wire_enum! {
    /// What a machine speaks.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum Kind {
        /// SSH.
        1 => Ssh,
    }
}

wire_enum! {
    /// What a machine's secret is.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum SecretKind {
        /// A password.
        1 => Password,
        /// A private key.
        2 => Key,
    }
}

wire_enum! {
    /// What of the input is recorded.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum InputRecord {
        /// All of it, passwords too.
        1 => All,
        /// Time and length, of byte streams too.
        2 => None,
        /// On a terminal what the machine echoed; byte streams as `StreamRecord` says. The default.
        3 => Echoed,
    }
}

wire_enum! {
    /// What of byte streams without a terminal is recorded.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum StreamRecord {
        /// The content. The default.
        1 => Content,
        /// Length and hash.
        2 => LengthAndHash,
    }
}

wire_struct! {
    /// The box itself.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct BoxFacts {
        /// Its name.
        pub name: Text<32>,
        /// The owner's text before login (IEC 62443-3-3 SR 1.12).
        pub banner: Text<4096>,
        /// IANA name of the time zone of windows.
        pub zone_time: Text<64>,
    }
}

wire_struct! {
    /// A person.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Person {
        /// Id, the name that they log in with.
        pub id: PersonId,
        /// Full name.
        pub name: Text<128>,
        /// Employer.
        pub employer: Text<128>,
        /// Telephone.
        pub telephone: Text<64>,
        /// Roles.
        pub roles: List<RoleId, 16>,
        /// How they log in.
        pub login: Login,
        /// Public keys, OpenSSH's one-line form.
        pub keys: List<Text<2048>, 16>,
        /// Whether they may use `dinlock` on the box.
        pub admin: bool,
        /// Their user on the box, for the local socket.
        pub local_uid: Option<u32>,
        /// Whether they may unlock the console at the box, by a PIN.
        pub console: bool,
    }
}

wire_struct! {
    /// An account on a machine.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Account {
        /// Id within the target.
        pub id: AccountId,
        /// The user on the machine.
        pub user: Text<64>,
        /// The secret's name in the vault.
        pub secret: SecretId,
        /// What it is.
        pub secret_kind: SecretKind,
    }
}

wire_struct! {
    /// A machine.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Target {
        /// Id.
        pub id: TargetId,
        /// What it speaks.
        pub kind: Kind,
        /// Its address: there is no resolver in OT.
        pub address: IpAddr,
        /// Its port.
        pub port: u16,
        /// Pinned host keys, OpenSSH's one-line form.
        pub host_keys: List<Text<2048>, 8>,
        /// Old algorithms that are allowed towards it, by SSH's names.
        pub legacy_algorithms: List<Text<64>, 16>,
        /// Accounts; the first is meant where none is named.
        pub accounts: List<Account, 16>,
    }
}

wire_struct! {
    /// One weekly window.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct Window {
        /// Bit 0 is Monday, bit 6 Sunday.
        pub days: u8,
        /// First minute of the day: 0..=1439.
        pub from_minute: u16,
        /// The minute after the last: 0..=1440. Before `from_minute`, it is the next day's.
        pub to_minute: u16,
    }
}

wire_struct! {
    /// A target, or one account of it.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Destination {
        /// The target.
        pub target: TargetId,
        /// The account; none means every one.
        pub account: Option<AccountId>,
    }
}

wire_struct! {
    /// Who may reach what, when and how.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Conduit {
        /// Id.
        pub id: ConduitId,
        /// People by id.
        pub people: List<PersonId, 256>,
        /// People by role.
        pub roles: List<RoleId, 16>,
        /// What they may reach.
        pub targets: List<Destination, 256>,
        /// When; none means always.
        pub windows: List<Window, 32>,
        /// The longest session, in seconds.
        pub longest_s: u32,
        /// The longest time without typing, in seconds; 0 is no limit.
        pub idle_s: u32,
        /// Approvals that a session needs: 0, 1 or 2.
        pub approvals: u8,
        /// Who approves, by role.
        pub approvers: List<RoleId, 16>,
        /// Input on the record.
        pub input: InputRecord,
        /// Byte streams on the record.
        pub streams: StreamRecord,
        /// How long the recorder may stall before a session ends, in seconds.
        pub recorder_grace_s: u32,
        /// How long a session outlives its operator's connection, in seconds.
        pub reconnect_grace_s: u32,
        /// Whether somebody at the box has to admit each session.
        pub presence: bool,
    }
}

wire_struct! {
    /// Recordings.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct RecordingRules {
        /// Who can open them: age recipients.
        pub auditors: List<Text<2048>, 8>,
        /// Below this much free disk, new sessions are refused; in MB.
        pub refuse_below_mb: u64,
        /// Below this much, the box warns; in MB.
        pub warn_below_mb: u64,
        /// How long after its end a session can still be watched back live, in seconds.
        pub live_key_s: u32,
    }
}

wire_struct! {
    /// Failed logins (IEC 62443-3-3 SR 1.11).
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct Limits {
        /// Failed tries before the longest wait.
        pub tries_before_lockout: u8,
        /// The longest wait, in seconds.
        pub lockout_s: u32,
    }
}

wire_enum! {
    /// A language of the console.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum Language {
        /// English. The default.
        1 => English,
        /// German.
        2 => German,
    }
}

wire_struct! {
    /// The screen at the box.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct ConsoleRules {
        /// Language of its texts.
        pub language: Language,
        /// It locks after so many seconds without a key.
        pub lock_after_s: u32,
    }
}

wire_struct! {
    /// A whole plant.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Plant {
        /// The box.
        pub box_facts: BoxFacts,
        /// People.
        pub people: List<Person, 1024>,
        /// Machines.
        pub targets: List<Target, 1024>,
        /// Conduits.
        pub conduits: List<Conduit, 256>,
        /// Recordings.
        pub recording: RecordingRules,
        /// Failed logins.
        pub limits: Limits,
        /// The screen at the box.
        pub console: ConsoleRules,
        /// The cut-off.
        pub cutoff: Cutoff,
    }
}

/// `plc-gw`, or `plc-gw.maint` for one account.
impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.account {
            None => write!(f, "{}", self.target),
            Some(account) => write!(f, "{}.{account}", self.target),
        }
    }
}

impl Plant {
    /// The person with this id.
    pub fn person(&self, id: &PersonId) -> Option<&Person> {
        self.people.iter().find(|person| person.id == *id)
    }

    /// The target with this id.
    pub fn target(&self, id: &TargetId) -> Option<&Target> {
        self.targets.iter().find(|target| target.id == *id)
    }

    /// The conduits that name this person, by id or by role.
    pub fn conduits_for<'a>(&'a self, person: &'a Person) -> impl Iterator<Item = &'a Conduit> {
        self.conduits.iter().filter(|conduit| conduit.names(person))
    }
}

impl Conduit {
    /// Whether it names this person.
    pub fn names(&self, person: &Person) -> bool {
        self.people.contains(&person.id) || self.roles.iter().any(|role| person.roles.contains(role))
    }

    /// Whether it leads to this account of this target.
    pub fn leads_to(&self, target: &TargetId, account: &AccountId) -> bool {
        let fits = |to: &Destination| to.target == *target && to.account.as_ref().is_none_or(|a| a == account);
        self.targets.iter().any(fits)
    }
}

impl Target {
    /// The named account, or the first where `name` is empty.
    pub fn account(&self, name: &str) -> Option<&Account> {
        if name.is_empty() { self.accounts.first() } else { self.accounts.iter().find(|a| a.id.as_str() == name) }
    }
}
