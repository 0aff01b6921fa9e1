//! What happened, in few words.

use crate::fd::Fd;
use border::{launcher, vault};
use broker::core::{Action, Input};

pub(crate) fn of_input(input: &Input<Fd>) -> String {
    match input {
        Input::Launcher(reply, _) => format!("launcher > {}", of_reply(reply)),
        Input::Listener(event) => format!("listener > {event:?}"),
        Input::Connector(event) => format!("connector > {event:?}"),
        Input::Vault(event, _) => format!("vault > {event:?}"),
        Input::Guardian(event, _) => format!("guardian > {}", event.name()),
        Input::StoredBlocks(_) => "vault > the stored blocks".to_owned(),
        Input::Stored(_) => "vault > the stored plant".to_owned(),
        Input::Front(worker, request) => format!("front {worker} > {request:?}"),
        Input::Mediator(session, event) => format!("mediator {session} > {event:?}"),
        Input::Back(session, event) => format!("back {session} > {event:?}"),
        Input::Gone(endpoint, why) => format!("{endpoint:?} is gone, {why:?}"),
        Input::Admin { client, uid, request, .. } => format!("admin {client} (uid {uid}) > {request:?}"),
        Input::Joined(part) => format!("the {} joins", part.name()),
        Input::Lost(part) => format!("the {} is lost", part.name()),
        Input::Console { client, request } => format!("console {client} > {request:?}"),
        Input::ConsoleGone(client) => format!("console {client} is gone"),
        Input::Tick => "tick".to_owned(),
    }
}

/// Those actions that tell a reader something.
pub(crate) fn of_action(action: &Action<Fd>) -> Option<String> {
    Some(match action {
        Action::ToLauncher(message) => format!("  broker > launcher {}", message.name()),
        Action::ToListener(order, _) => format!("  broker > listener {order:?}"),
        Action::ToConnector(order, _) => format!("  broker > connector {order:?}"),
        Action::ToVault(vault::Request::Write { audit }, _) => {
            format!("  row {} {} {:?} {}", &*audit.kind, &*audit.result, audit.session, &*audit.detail)
        }
        Action::ToVault(request, _) => format!("  broker > vault {}", request.name()),
        Action::ToFront(worker, answer, _) => format!("  broker > front {worker} {}", answer.name()),
        Action::ToMediator(session, order) => format!("  broker > mediator {session} {}", order.name()),
        Action::ToBack(session, order) => format!("  broker > back {session} {}", order.name()),
        Action::ToConsole(client, reply) => format!("  broker > console {client} {}", reply.name()),
        Action::AskPin { client, .. } => format!("  broker > console {client} asks the PIN"),
        Action::ToAdmin(client, reply, _) => format!("  broker > admin {client} {}", reply.name()),
        Action::StorePlant(ticket, _) => format!("  broker > vault a plant, ticket {ticket}"),
        Action::ToGuardian(order, _) => format!("  broker > guardian {}", order.name()),
        Action::StoreBlocks(ticket, _) => format!("  broker > vault blocks, ticket {ticket}"),
        Action::Check { client, .. } => format!("  broker > vault a check for admin {client}"),
        Action::Hand(request, _) => format!("  broker > launcher {}", request.name()),
        Action::ShowPlant(..) | Action::Observe { .. } | Action::Hold(..) => return None,
        Action::Close(endpoint) => format!("  close {endpoint:?}"),
        Action::Kill(endpoint) => format!("  kill {endpoint:?}"),
    })
}

/// Without the broker's own note, which is bytes.
fn of_reply(reply: &launcher::Reply) -> String {
    if let launcher::Reply::Living { session, note: _ } = reply {
        return format!("Living {{ session: {session} }}");
    }
    format!("{reply:?}")
}
