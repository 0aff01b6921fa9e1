//! From login to a target: the request for a named one, or the menu.

use crate::handler::open_message;
use crate::hall::{Access, Hall, ToClient, tell};
use crate::menu::{Pick, Prompt, render};
use crate::name::Wish;
use border::Name;
use border::front::{Choice, Request};
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot};

/// Somebody is in: asks for the target at once, without waiting for a channel.
pub async fn enter(hall: &Hall, wish: Wish) {
    hall.lock().access = Access::Choosing;
    hall.known.notify_one();
    match wish {
        Wish::Menu => {}
        Wish::Malformed => hall.end("this is no target's name: use person+target or person+target.account"),
        Wish::Target { target, account } => want(hall, target, account).await,
    }
}

async fn want(hall: &Hall, target: Name, account: Name) {
    hall.lock().access = Access::Asked(None);
    if hall.control.send(&Request::Want { target, account }).await.is_err() {
        hall.end("the box's broker is gone; try again in a moment");
    }
}

/// A channel that is shown the choices.
#[derive(Debug)]
pub struct Guided {
    /// Its number.
    pub number: u32,
    /// A shell, that can choose; a command only sees the choices.
    pub shell: bool,
    /// What is typed.
    pub typing: mpsc::UnboundedReceiver<Vec<u8>>,
}

/// Shows the choices and follows the typing.
pub async fn guide(hall: Arc<Hall>, mut guided: Guided) {
    let Some(choices) = ask(&hall).await else {
        let state = hall.lock();
        if let Some(chan) = state.channels.get(&guided.number) {
            tell(chan, ToClient::Line("another channel shows the menu".to_owned()));
            crate::hall::finish(chan);
        }
        return;
    };
    let lines = render(&choices);
    if !guided.shell {
        say_all(&hall, guided.number, lines.into_iter().map(ToClient::Line).collect());
        say_all(&hall, guided.number, vec![ToClient::Line("use person+target".to_owned())]);
        hall.leave(1);
        return;
    }
    let mut text = lines.join("\r\n");
    text.push_str("\r\nNumber and Enter, or q to leave.\r\n> ");
    say_all(&hall, guided.number, vec![ToClient::Text(text)]);
    let mut prompt = Prompt::default();
    while let Some(bytes) = guided.typing.recv().await {
        let (echo, pick) = prompt.typed(&bytes, &choices);
        if !echo.is_empty() {
            say_all(&hall, guided.number, vec![ToClient::Text(echo)]);
        }
        match pick {
            None => {}
            Some(Pick::Leave) => return hall.leave(0),
            Some(Pick::Choice(index)) => return chosen(&hall, guided.number, &choices[index]).await,
        }
    }
}

async fn ask(hall: &Hall) -> Option<Vec<Choice>> {
    let (answer, answered) = oneshot::channel();
    {
        let mut state = hall.lock();
        if state.choices.is_some() || state.access != Access::Choosing {
            return None;
        }
        state.choices = Some(answer);
    }
    hall.control.send(&Request::Menu).await.ok()?;
    answered.await.ok()
}

async fn chosen(hall: &Hall, number: u32, choice: &Choice) {
    {
        let mut state = hall.lock();
        let Some(chan) = state.channels.get_mut(&number) else { return };
        chan.menu = None;
        let open = open_message(number, chan, None);
        state.outbox.open(number);
        state.outbox.say(number, open);
    }
    want(hall, choice.target.clone(), choice.account.clone()).await;
}

fn say_all(hall: &Hall, number: u32, all: Vec<ToClient>) {
    let state = hall.lock();
    if let Some(chan) = state.channels.get(&number) {
        for what in all {
            tell(chan, what);
        }
    }
}
