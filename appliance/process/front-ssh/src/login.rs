//! Logging in: what the SSH library asks, and how broker and vault answer.

use crate::hall::{Hall, Owed};
use crate::name::{UserName, parse};
use border::front::{Answer, Request, Step};
use border::{KeyLine, secrets};
use codec::{Bytes, Text};
use russh::keys::PublicKey;
use russh::server::{Auth, Response};
use russh::{MethodKind, MethodSet};
use std::borrow::Cow;
use std::sync::Arc;
use tokio::sync::mpsc;

/// One connection's login.
#[derive(Debug)]
pub struct Login {
    hall: Arc<Hall>,
    answers: mpsc::UnboundedReceiver<Answer>,
    /// The user name whose key was accepted and who still owes a code.
    keyed: Option<String>,
    /// Who is in.
    accepted: Option<UserName>,
}

impl Login {
    /// Nobody yet.
    pub fn new(hall: Arc<Hall>, answers: mpsc::UnboundedReceiver<Answer>) -> Self {
        Self { hall, answers, keyed: None, accepted: None }
    }

    /// Who is in, once the library says that the login is complete.
    pub fn accepted(&mut self) -> Option<UserName> {
        self.accepted.take()
    }

    /// A key without a signature.
    pub async fn offered(&mut self, user: &str, key: &PublicKey) -> Auth {
        let Some((name, key)) = parse(user).zip(line(key)) else { return Auth::reject() };
        self.hall.lock().owed = Owed::Key;
        let request = Request::KeyOffered { person: name.person, key };
        if self.hall.control.send(&request).await.is_err() {
            return Auth::reject();
        }
        match self.answers.recv().await {
            Some(Answer::Key { acceptable: true }) => Auth::Accept,
            _ => Auth::reject(),
        }
    }

    /// A key whose signature the library has verified.
    pub async fn signed(&mut self, user: &str, key: &PublicKey) -> Auth {
        let Some((name, key)) = parse(user).zip(line(key)) else { return Auth::reject() };
        self.hall.lock().owed = Owed::Login;
        let request = Request::KeySigned { person: name.person.clone(), key };
        if self.hall.control.send(&request).await.is_err() {
            return Auth::reject();
        }
        match self.step().await {
            Step::Accepted => self.accept(name),
            Step::NeedCode => {
                self.keyed = Some(user.to_owned());
                let only_code = MethodSet::from(&[MethodKind::KeyboardInteractive][..]);
                Auth::Reject { proceed_with_methods: Some(only_code), partial_success: true }
            }
            Step::Rejected => Auth::reject(),
        }
    }

    /// Typed secrets: first the prompts, then the answers to them.
    pub async fn typed(&mut self, user: &str, response: Option<Response<'_>>) -> Auth {
        let keyed = self.keyed.as_deref() == Some(user);
        let Some(response) = response else { return prompts(keyed) };
        let mut given: Vec<Vec<u8>> = response.take(3).map(|answer| answer.to_vec()).collect();
        let code = given.pop();
        let password = given.pop();
        let wanted = if keyed { password.is_none() } else { password.is_some() };
        if !wanted || !given.is_empty() {
            return Auth::reject();
        }
        let code = code.and_then(|code| String::from_utf8(code).ok());
        let code = code.and_then(|code| Text::new(code.trim()).ok());
        // The vault judges an empty password like any wrong one, in the same time.
        let password = password.map(|password| Bytes::new(password).unwrap_or_default());
        let Some((name, code)) = parse(user).zip(code) else { return Auth::reject() };
        self.hall.lock().owed = Owed::Login;
        let person = name.person.clone();
        let request = secrets::Request::Check { person, password, code: Some(code) };
        if self.hall.secrets.send(&request).await.is_err() {
            return Auth::reject();
        }
        match self.step().await {
            Step::Accepted => self.accept(name),
            Step::NeedCode | Step::Rejected => Auth::reject(),
        }
    }

    fn accept(&mut self, name: UserName) -> Auth {
        self.accepted = Some(name);
        Auth::Accept
    }

    async fn step(&mut self) -> Step {
        match self.answers.recv().await {
            Some(Answer::Login { step }) => step,
            _ => Step::Rejected,
        }
    }
}

fn line(key: &PublicKey) -> Option<KeyLine> {
    let mut key = key.clone();
    key.set_comment("");
    key.to_openssh().ok().and_then(|line| KeyLine::new(line.trim_end()).ok())
}

fn prompts(keyed: bool) -> Auth {
    let code = (Cow::Borrowed("One-time code: "), false);
    let prompts =
        if keyed { vec![code] } else { vec![(Cow::Borrowed("Password: "), false), code] };
    Auth::Partial { name: "".into(), instructions: "".into(), prompts: prompts.into() }
}
